#!/usr/bin/env python3
"""Are the calls that the scripts made calls that the real az takes?

    target/ci-venv/bin/python tests/package/check_calls.py CALLS.jsonl...
    target/ci-venv/bin/python tests/package/check_calls.py --self-test

Each line of CALLS.jsonl is one argv as a JSON array, as tests/package/az.py records it. The real
azure-cli of the Python that runs this loads the arguments of each command and parses the argv with
its own parser. Nothing is executed: no validator runs, no file is opened, nothing is sent. So `ok`
means that az takes the words; it does not mean that the command would work.

What it finds: unknown commands and flags, shortened flags, missing required ones, values that are not among the
choices, a flag without its value, and a query that is not JMESPath.
"""

import contextlib
import io
import json
import os
import shutil
import sys
import tempfile

# Before azure.cli is imported: an empty folder, so that nobody's defaults, aliases or extensions
# change what is accepted, and nothing that could go to the network.
FOLDER = tempfile.mkdtemp(prefix='check-calls-')
os.environ.update(AZURE_CONFIG_DIR=FOLDER, AZURE_EXTENSION_DIR=os.path.join(FOLDER, 'extensions'),
                  AZURE_CORE_COLLECT_TELEMETRY='no', AZURE_CORE_NO_COLOR='yes',
                  AZURE_EXTENSION_USE_DYNAMIC_INSTALL='no')


class Az:
    """One azure-cli in this process; the parser of a command is built once."""

    def __init__(self):
        from azure.cli.core import get_default_cli
        self.cli = get_default_cli()
        # Its index of commands says which module to load. An empty folder has none, and without it
        # az loads all of its modules, which takes half a minute; the index that it is packaged with
        # is used by itself, so there is nothing to do here but to keep one `cli` for all calls.
        self.parsers = {}

    def parser(self, words):
        """What AzCliCommandInvoker.execute (azure/cli/core/commands/__init__.py) does before it
        parses, in its order. -> (command, parser of the top, parser of the command or None)"""
        from azure.cli.core.commands.events import (
            EVENT_INVOKER_PRE_CMD_TBL_TRUNCATE, EVENT_INVOKER_PRE_LOAD_ARGUMENTS,
            EVENT_INVOKER_POST_LOAD_ARGUMENTS)
        from knack.events import (
            EVENT_INVOKER_PRE_CMD_TBL_CREATE, EVENT_INVOKER_POST_CMD_TBL_CREATE,
            EVENT_INVOKER_CMD_TBL_LOADED)
        cli = self.cli
        key = tuple(words)
        if key in self.parsers:
            command, made = self.parsers[key]
            cli.invocation = made
            return command, made.parser, made.parser.subparser_map.get(command)
        made = cli.invocation_cls(cli_ctx=cli, parser_cls=cli.parser_cls,
                                  commands_loader_cls=cli.commands_loader_cls, help_cls=cli.help_cls)
        cli.invocation = made
        loader = made.commands_loader
        cli.raise_event(EVENT_INVOKER_PRE_CMD_TBL_CREATE, args=list(words))
        loader.load_command_table(list(words))
        cli.raise_event(EVENT_INVOKER_PRE_CMD_TBL_TRUNCATE,
                        load_cmd_tbl_func=loader.load_command_table, args=list(words))
        command = made._rudimentary_get_command(list(words))
        made.data['command_string'] = command
        if command in loader.command_table:
            loader.command_table = {command: loader.command_table[command]}
            loader.command_name = command
            cli.raise_event(EVENT_INVOKER_PRE_LOAD_ARGUMENTS, commands_loader=loader)
            loader.load_arguments(command)
            cli.raise_event(EVENT_INVOKER_POST_LOAD_ARGUMENTS, commands_loader=loader)
            cli.raise_event(EVENT_INVOKER_POST_CMD_TBL_CREATE, commands_loader=loader)
        else:
            command = None
        made.parser.cli_ctx = cli
        if command:
            made.parser.load_command_table(loader)
            cli.raise_event(EVENT_INVOKER_CMD_TBL_LOADED, cmd_tbl=loader.command_table,
                            parser=made.parser)
        self.parsers[key] = (command, made)
        return command, made.parser, made.parser.subparser_map.get(command)

    def complaint(self, argv):
        """What az says against this argv, or None."""
        words = []
        for word in argv:
            if word.startswith('-'):
                break
            words.append(word)
        command, top, own = self.parser(words)
        if command is None:
            return f"'{' '.join(words)}' is not a command of az"
        said = io.StringIO()
        try:
            # az writes what it has against the arguments to stderr and exits with 2
            with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said), logs_to(said):
                parsed = top.parse_args(list(argv))
                parsed.command  # a command was found, not only a group
        except SystemExit as left:
            if left.code not in (0, None):
                return said.getvalue().strip() or f'exit {left.code}'
        except Exception as ex:  # an action that wants more than a parser, such as AAZ's own
            return f'{type(ex).__name__}: {ex}'
        else:
            return shortened(own, argv) or missing_ids(self.cli, command, own, parsed)
        return None


def shortened(own, argv):
    """az takes `--template-fil` for `--template-file`, until a release adds a flag that starts the
    same. A script must not depend on that."""
    for word in argv:
        flag = word.split('=', 1)[0]
        if flag.startswith('--') and len(flag) > 2 and ' ' not in flag \
                and flag not in own._option_string_actions:
            return f"'{flag}' is short for another flag; az takes it today, write it out"
    return None


def missing_ids(cli, command, own, parsed):
    """`--name` and `--resource-group` are not required by the parser where `--ids` is there, too;
    az asks for one of them afterwards (register_ids_argument in azure/cli/core/commands/arm.py)."""
    if own is None or not any('--ids' in action.option_strings for action in own._actions):
        return None
    from knack.events import EVENT_INVOKER_POST_PARSE_ARGS
    from knack.util import CLIError
    for handler in cli._event_handlers[EVENT_INVOKER_POST_PARSE_ARGS]:
        if handler.__name__ == 'parse_ids_arguments':
            try:
                handler(cli, command=command, args=parsed)
            except CLIError as ex:
                return str(ex)
    return None


@contextlib.contextmanager
def logs_to(stream):
    import logging
    handler = logging.StreamHandler(stream)
    names = ['cli', 'az_command_data_logger', 'azure']
    for name in names:
        logging.getLogger(name).addHandler(handler)
        logging.getLogger(name).propagate = False
    try:
        yield
    finally:
        for name in names:
            logging.getLogger(name).removeHandler(handler)


def shown(argv):
    """The argv as one line; a long value, such as a whole template, is cut."""
    return 'az ' + ' '.join(word if len(word) < 80 else word[:77] + '...' for word in argv
                            ).replace('\n', '\\n')


def check(az, lines, out=sys.stdout):
    passed = failed = 0
    for argv in lines:
        against = az.complaint(argv)
        if against is None:
            passed += 1
            print('ok  ', shown(argv), file=out)
        else:
            failed += 1
            print('BAD ', shown(argv), '\n      ' + against.replace('\n', '\n      '), file=out)
    print(f'{passed} passed, {failed} failed', file=out)
    return passed, failed


def read(paths):
    seen, lines = set(), []
    for path in paths:
        with open(path, encoding='utf-8') as file:
            for line in file:
                line = line.strip()
                if line and line not in seen:
                    seen.add(line)
                    lines.append(json.loads(line))
    return lines


GOOD = [
    ['account', 'show', '--query', '{a: id, b: tenantId}', '-o', 'tsv'],
    # neither of the two files is there: it must not be looked for
    ['deployment', 'sub', 'create', '-n', 't', '-l', 'westeurope', '-f', '/nowhere/main.bicep',
     '--parameters', '@/nowhere/parameters.json', '--parameters', 'a=b', 'c=d', '--no-prompt',
     '--query', 'properties.outputs'],
    ['rest', '--method', 'get', '--url', '/subscriptions/x?api-version=2022-12-01'],
    ['functionapp', 'show', '--ids', '/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/n'],
    ['group', 'delete', '-n', 'g', '--yes', '--no-wait', '--subscription', 'nobody-knows'],
]
BAD = [
    (['deployment', 'sub', 'create', '--name', 't', '--location', 'x', '--template-fiel', 'a'],
     'unrecognized arguments'),
    (['deployment', 'sub', 'create', '-n', 't', '-l', 'x', '--template-fil', 'a'], 'is short for'),
    (['functionapp', 'deployment', 'source', 'config-zip', '-g', 'g', '-n', 'n'], 'required'),
    (['account', 'show', '--output', 'xml'], 'not a valid value'),
    (['tag', 'update', '--resource-id', '/x', '--operation', 'join', '--tags', 'a=b'], 'not a valid value'),
    (['functionapp', 'shwo', '-g', 'g', '-n', 'n'], 'not a command'),
    (['account', 'show', '--query', '[?a'], 'jmespath'),
    (['functionapp', 'show', '-g', 'g'], 'are required'),
    (['group', 'delete', '--name'], 'expected one argument'),
    (['account', 'show', 'extra'], 'unrecognized arguments'),
]


def self_test(az):
    wrong = 0
    for argv in GOOD:
        against = az.complaint(argv)
        if against is not None:
            wrong += 1
            print('WRONG: a good line was refused:', shown(argv), against)
    for argv, expected in BAD:
        against = az.complaint(argv)
        if against is None or expected not in against:
            wrong += 1
            print(f'WRONG: {shown(argv)}: expected «{expected}», got «{against}»')
    print(f'{len(GOOD) + len(BAD) - wrong} passed, {wrong} failed')
    return wrong == 0


def main(argv):
    if not argv or argv[0] in ('-h', '--help'):
        print(__doc__)
        return 2
    try:
        az = Az()
    except ImportError as ex:
        print(f'check_calls.py: {ex}; run it with the Python of target/ci-venv', file=sys.stderr)
        return 2
    if argv[0] == '--self-test':
        return 0 if self_test(az) else 1
    passed, failed = check(az, read(argv))
    return 1 if failed or not passed else 0


if __name__ == '__main__':
    try:
        code = main(sys.argv[1:])
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)
    sys.exit(code)
