#!/usr/bin/env python3
"""Plants mistakes in copies of tether, one at a time, and says after how many histories the simulation
notices each. One that it does not notice, or that cannot be planted any more, ends it with 1.

    tests/mistakes.py [--count HISTORIES] [--check] [WORD...]

Words choose the mistakes that have one of them in their names. --check plants them without building, to
see that the texts which they change are still there, each once.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
COPY = ROOT / "target" / "mistakes"

# A mistake: its name, and what is changed where. Some need two changes, since a second check stands
# behind the first.
MISTAKES = [
    ("remove without a look at the assignment", [(
        "src/reconcile/apply.rs",
        "self.is_as_decided(item, &grant)\n            && self.is_due(",
        "self.is_due(",
    )]),
    ("remove what was pinned meanwhile", [(
        "src/reconcile/apply.rs",
        "(unmarked || Mark::read(&grant.description) == item.mark)",
        "(unmarked || item.mark.is_some())",
    )]),
    ("remove what is someone else's", [
        (
            "src/plan/decide.rs",
            "AssignmentName::is_of(&self.policy.owner, grant)",
            "!grant.name.is_nil()",
        ),
        (
            "src/reconcile/apply.rs",
            "== item.mark)\n            && AssignmentName::is_of(&self.policy.owner, grant)",
            "== item.mark)\n            && !grant.name.is_nil()",
        ),
    ]),
    ("remove although a cluster is unseen", [(
        "src/plan/decide.rs",
        ".or_else(|| self.doubt())",
        ".or_else(|| self.unread())",
    )]),
    ("remove the old role although the new one did not come", [
        (
            "src/reconcile/apply.rs",
            "if item.after.is_some_and(|after| !there.contains(&after)) {",
            "if item.after.is_some_and(|after| after == item.name) {",
        ),
        (
            "src/reconcile/apply.rs",
            "return self.is_replaced(item, &registry).await;",
            "return self.is_replaced(item, &registry).await.map(|_| true);",
        ),
    ]),
    ("remove in every mode", [(
        "src/plan/guard.rs",
        "(mode != Mode::Sync).then_some",
        "(mode == Mode::Observe).then_some",
    )]),
    ("attach without reading the ends again", [(
        "src/reconcile/confirm.rs",
        "let attach = plan.attach.iter().map(",
        "let attach = plan.attach.iter().take(0).map(",
    )]),
    ("attach although a cluster with the same identity forbids it", [
        ("src/plan/desire.rs", "(Some(by), _, _) =>", "(Some(by), None, _) =>"),
        ("src/plan/desire.rs", "(None, Some(rule), _) =>", "(_, Some(rule), _) =>"),
    ]),
    ("attach although the registry says disabled", [(
        "src/policy/decide.rs",
        "[Side::Cluster, Side::Registry].into_iter().find(|side| pair.is_disabled(*side));",
        "[Side::Cluster].into_iter().find(|side| pair.is_disabled(*side));",
    )]),
    ("attach by the role that the registry does not honour", [(
        "src/plan/desire.rs",
        "self.registry.mode.pull_role()",
        "self.registry.mode.pull_role().map(|_| crate::model::Role::AcrPull)",
    )]),
    ("lower a pin that Resource Graph did not show", [(
        "src/reconcile/apply.rs",
        "Scope::Everything | Scope::Subscription(_) => {}\n        }\n        if !self.is_still",
        "Scope::Everything | Scope::Subscription(_) => return Ok(None),\n        }\n"
        "        if !self.is_still",
    )]),
    ("leave a pin behind with the old identity", [(
        "src/plan/decide.rs",
        "pinned.extend(followed_by_pin.iter().copied());",
        "pinned.extend(followed_by_pin.iter().take(0).copied());",
    )]),
    ("leave what a deleted cluster had", [(
        "src/plan/former.rs",
        "(_, []) if mark.shared && self.index.is_wanted_by_any(self.desire.registry) =>",
        "(_, []) if !mark.shared || self.index.is_wanted_by_any(self.desire.registry) =>",
    )]),
    ("remove a former identity by default", [(
        "src/plan/former.rs",
        "if self.policy.former_identities != policy::Former::Remove\n            || is_principal",
        "if is_principal",
    )]),
    ("keep a former identity after the tag went", [(
        "src/plan/former.rs",
        "Verdict::Unwanted(reason) => self.remove(grant, detach(reason), plan),",
        "Verdict::Unwanted(_) => self.keep_former(grant, None, formers, plan),",
    )]),
    ("keep a former identity after a veto", [(
        "src/plan/former.rs",
        "Verdict::Vetoed => self.remove(grant, detach(DetachReason::Vetoed), plan),",
        "Verdict::Vetoed => self.keep_former(grant, None, formers, plan),",
    )]),
    ("remove what a blue and a green cluster shared when the marked one went", [(
        "src/plan/former.rs",
        "(_, []) if mark.shared && self.index.is_wanted_by_any(self.desire.registry) =>",
        "(_, []) if mark.shared && plan.attach.len() > 1_000 =>",
    )]),
    ("leave a mark with a cluster that is gone", [(
        "src/plan/marks.rs",
        "plan.marks.push(change);",
        "let _ = change;",
    )]),
    ("remove a former role by default", [(
        "src/plan/decide.rs",
        "self.policy.former_roles == policy::Former::Remove\n                    && self.is_carried",
        "self.is_carried",
    )]),
    ("remove a former role before the honoured one stands", [
        (
            "src/plan/decide.rs",
            "let after = wish.after().filter(|_| {",
            "let after = wish.after().or(Some(None)).filter(|_| {",
        ),
        (
            "src/reconcile/apply.rs",
            "return self.is_replaced(item, &registry).await;",
            "return self.is_replaced(item, &registry).await.map(|_| true);",
        ),
    ]),
    ("remove a pin's old assignment when it follows", [
        (
            "src/plan/former.rs",
            "if self.is_pinned_now(former, plan) {",
            "if false && self.is_pinned_now(former, plan) {",
        ),
        (
            "src/plan/former.rs",
            "Verdict::Unwanted(_) if mark.kind == MarkKind::Pin => {",
            "Verdict::Unwanted(_) if mark.kind == MarkKind::Pin && mark.shared => {",
        ),
    ]),
    ("remove the present identity with --former-identities", [(
        "src/plan/pair.rs",
        "if let (Some(principal), Unpin::Pair) = (present, what) {",
        "if let (Some(principal), _) = (present, what) {",
    )]),
    ("let what a plain detach removed come back", [(
        "src/plan/pair.rs",
        "for principal in formers {",
        "for principal in formers.into_iter().filter(|_| what == Unpin::FormerIdentities) {",
    )]),
    ("detach from the registry that nodes boot from", [
        (
            "src/plan/doubt.rs",
            "clusters.find(|cluster| cluster.boot_registry == here)?",
            "clusters.find(|cluster| cluster.boot_registry == here && cluster.tags.get(\"-\").is_some())?",
        ),
        (
            "src/plan/still.rs",
            "if clusters.iter().any(boots) {",
            "if clusters.is_empty() && clusters.iter().any(boots) {",
        ),
    ]),
    ("attach by a name while a subscription is silent", [(
        "src/plan/attach.rs",
        "by_name.then(|| self.names_unseen()).flatten()",
        "by_name.then(|| None).flatten()",
    )]),
    ("forget a command that has to wait", [(
        "src/functions/worker.rs",
        "Ending::Later(follow_up) => {\n                self.follow(&follow_up, now).await?;",
        "Ending::Later(follow_up) => {\n                let _ = self.follow(&follow_up, now);",
    )]),
    ("complete a message although its follow-up was not sent", [(
        "src/functions/worker.rs",
        "Trouble::Passing(Failure::new(\"FollowUpNotSent\", cause))\n        })?;",
        "Trouble::Passing(Failure::new(\"FollowUpNotSent\", cause))\n        }).unwrap_or_default();",
    )]),
    ("complete a refused message although it was not passed on", [(
        "src/functions/refuse.rs",
        ".map_err(|error| Trouble::Passing(Failure::new(\"RefusalNotSent\", chain(&error))))",
        ".map_err(|error| Trouble::Passing(Failure::new(\"RefusalNotSent\", chain(&error))))\n"
        "            .or(Ok(()))",
    )]),
    ("complete a command although its report was not sent", [(
        "src/functions/worker.rs",
        "Err(Trouble::Passing(Failure::new(\"ReportNotSent\", cause)))",
        "error!(cause, \"report not sent\");\n                Ok(())",
    )]),
]


def plant(changes):
    """Writes the changed files into the copy; what is wrong with that, or nothing."""
    for file, old, new in changes:
        text = (COPY / file).read_text()
        found = text.count(old)
        if found != 1:
            return f"{file} has it {found} times: {old!r}"
        (COPY / file).write_text(text.replace(old, new))
    return None


def restore(changes):
    """Puts the files back as they are in the project."""
    for file, _, _ in changes:
        shutil.copy(ROOT / file, COPY / file)


def noticed(count):
    """The first seed that breaks a promise and the first promise that broke, or the end of what was said."""
    environment = os.environ | {
        "TETHER_SIM_COUNT": str(count),
        "RUST_BACKTRACE": "0",
        "CARGO_TARGET_DIR": str(ROOT / "target"),
    }
    command = ["cargo", "test", "--locked", "--test", "simulation", "--", "--nocapture", "--exact"]
    done = subprocess.run(
        [*command, "tests::no_promise_breaks_in_any_history"],
        cwd=COPY, env=environment, capture_output=True, text=True, errors="replace",
    )
    said = done.stdout + done.stderr
    seeds = [int(seed) for seed in re.findall(r"seed (\d+)", said)]
    if done.returncode == 0:
        return None, "no promise broke"
    if not seeds:
        return None, said[-2000:]
    return min(seeds), said


def copy():
    """Makes the copy anew, of what git knows; build products stay apart."""
    shutil.rmtree(COPY, ignore_errors=True)
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in filter(None, files.stdout.decode().split("\0")):
        target = COPY / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--count", type=int, default=20000, help="how many histories at most")
    parser.add_argument("--check", action="store_true", help="plant them without building")
    parser.add_argument("words", nargs="*")
    arguments = parser.parse_args()
    chosen = [
        mistake for mistake in MISTAKES
        if not arguments.words or any(word in mistake[0] for word in arguments.words)
    ]
    copy()
    wrong = 0
    for name, changes in chosen:
        problem = plant(changes)
        if problem is None and not arguments.check:
            start = time.monotonic()
            seed, said = noticed(arguments.count)
            if seed is None:
                problem = said
            else:
                print(f"history {seed + 1:6}  {name}  ({time.monotonic() - start:.0f} s)", flush=True)
        restore(changes)
        if problem is not None:
            wrong += 1
            print(f"NOT NOTICED     {name}: {problem}", flush=True)
    print(f"{len(chosen)} mistakes, {wrong} of them not noticed or not to be planted")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
