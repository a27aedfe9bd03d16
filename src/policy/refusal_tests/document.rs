//! What is wrong with a policy as a whole: its YAML, its keys, its owner, mode and limits.

use super::{check, check_rest};

#[test]
fn what_is_no_yaml_is_shown_where_it_breaks() {
    check(
        "a: b: c",
        r"
Error:
  x this is not readable as YAML: mapping values are not allowed in this context
   ,-[policy.yaml:1:5]
 1 | a: b: c
   :     ^
   :     `-- here
   `----
",
    );
    check(
        "é: [",
        r"
Error:
  x this is not readable as YAML: unclosed bracket '['
   ,-[policy.yaml:1:5]
 1 | é: [
   :    ^
   :    `-- here
   `----
",
    );
    check_rest(
        "rules: !custom []",
        r"
Error:
  x this is not readable as YAML: unsupported tag `!custom`
   ,-[policy.yaml:3:16]
 2 | mode: attach-only
 3 | rules: !custom []
   :                |
   :                `-- here
   `----
",
    );
}

#[test]
fn what_is_not_one_document_is_refused() {
    check_rest(
        "---\na: b",
        r"
Error:
  x this is not readable as YAML: only single YAML document expected but multiple found
   ,-[policy.yaml:4:1]
 3 | ---
 4 | a: b
   : ^
   : `-- here
   `----
",
    );
    check(
        "# nothing\n",
        r"
Error:
  x the policy must be a map, not nothing
   ,-[policy.yaml:2:1]
 1 | # nothing
   `----
  help: write it like this: `owner: contoso-production`, and more keys below
",
    );
    check(
        "[a]",
        r"
Error:
  x the policy must be a map, not a list
   ,-[policy.yaml:1:1]
 1 | [a]
   : |
   : `-- this is a list
   `----
  help: write it like this: `owner: contoso-production`, and more keys below
",
    );
}

#[test]
fn what_refers_to_itself_is_refused() {
    check_rest(
        "rules: &a [*a]",
        r"
Error:
  x this is too large, too deep or refers to itself too often
   ,-[policy.yaml:3:12]
 2 | mode: attach-only
 3 | rules: &a [*a]
   :            ^|
   :             `-- up to here
   `----
  help: a policy is one small document; write rules out instead of referring to them
",
    );
}

#[test]
fn an_unknown_key_is_told_with_those_that_would_be_right() {
    check(
        "ownr: contoso\nmode: observe\nmembers: 1\nrules: []",
        r"
Error:
  x unknown key `ownr`
   ,-[policy.yaml:1:1]
 1 | ownr: contoso
   : ^^|^
   :   `-- not a key of the policy
 2 | mode: observe
   `----
  help: did you mean `owner`? known here: `owner`, `mode`, `max_attach`, `max_detach`,
        `max_detach_percent`, `former_identities`, `former_roles`, `service_principals`, `pins`,
        `rules`

Error:
  x unknown key `members`
   ,-[policy.yaml:3:1]
 2 | mode: observe
 3 | members: 1
   : ^^^|^^^
   :    `-- not a key of the policy
 4 | rules: []
   `----
  help: known here: `owner`, `mode`, `max_attach`, `max_detach`, `max_detach_percent`,
        `former_identities`, `former_roles`, `service_principals`, `pins`, `rules`
",
    );
    check_rest(
        "<<: {rules: []}\nrules: []",
        r"
Error:
  x unknown key `<<`
   ,-[policy.yaml:3:1]
 2 | mode: attach-only
 3 | <<: {rules: []}
   : ^|
   :  `-- not a key of the policy
 4 | rules: []
   `----
  help: known here: `owner`, `mode`, `max_attach`, `max_detach`, `max_detach_percent`,
        `former_identities`, `former_roles`, `service_principals`, `pins`, `rules`
",
    );
}

#[test]
fn a_missing_key_is_told_with_what_to_write() {
    check(
        "max_attach: 1",
        r"
Error:
  x `owner` is missing
   ,-[policy.yaml:1:1]
 1 | max_attach: 1
   : ^^^^^|^^^^
   :      `-- beside this
   `----
  help: `owner:` and any text unique to this installation

Error:
  x `mode` is missing
   ,-[policy.yaml:1:1]
 1 | max_attach: 1
   : ^^^^^|^^^^
   :      `-- beside this
   `----
  help: `mode: observe` changes nothing, `attach-only` attaches, `sync` detaches too

Error:
  x `rules` is missing
   ,-[policy.yaml:1:1]
 1 | max_attach: 1
   : ^^^^^|^^^^
   :      `-- beside this
   `----
  help: `rules:` and a list of rules; without rules nothing is ever attached
",
    );
}

#[test]
fn a_key_that_stands_twice_is_shown_in_both_places() {
    check_rest(
        "rules: []\nowner: fabrikam",
        r"
Error:
  x `owner` is there twice
   ,-[policy.yaml:1:1]
 1 | owner: contoso
   : ^^|^^
   :   `-- first here
 2 | mode: attach-only
 3 | rules: []
 4 | owner: fabrikam
   : ^^|^^
   :   `-- and again here
   `----
  help: keep one of the two
",
    );
}

#[test]
fn the_owner_is_chosen_by_the_operator() {
    check(
        "owner: change-me\nmode: observe\nrules: []",
        r"
Error:
  x the owner is still `change-me`
   ,-[policy.yaml:1:8]
 1 | owner: change-me
   :        ^^^^|^^^^
   :            `-- change this
 2 | mode: observe
   `----
  help: any text unique to this installation will do, such as `contoso-production`; role
        assignments made under one owner are strangers to another, so choose it once
",
    );
    check(
        "owner: ' '\nmode: observe\nrules: []",
        r"
Error:
  x this is no owner
  `-> the owner is empty
   ,-[policy.yaml:1:8]
 1 | owner: ' '
   :        ^|^
   :         `-- here
 2 | mode: observe
   `----
  help: any text unique to this installation will do, such as `contoso-production`
",
    );
    check(
        "owner: 7\nmode: observe\nrules: []",
        r"
Error:
  x the owner must be text, not a number
   ,-[policy.yaml:1:8]
 1 | owner: 7
   :        |
   :        `-- this is a number
 2 | mode: observe
   `----
  help: put it in quotation marks to make it text
",
    );
    check(
        "owner:\nmode: observe\nrules: []",
        r"
Error:
  x the owner must be text, not nothing
   ,-[policy.yaml:1:6]
 1 | owner:
   :      ^
   :      `-- this is nothing
 2 | mode: observe
   `----
  help: write the text behind the colon
",
    );
}

#[test]
fn the_mode_is_one_that_is_known() {
    check(
        "owner: contoso\nmode: attach_only\nrules: []",
        r"
Error:
  x `attach_only` is no mode
   ,-[policy.yaml:2:7]
 1 | owner: contoso
 2 | mode: attach_only
   :       ^^^^^|^^^^^
   :            `-- not known here
 3 | rules: []
   `----
  help: did you mean `attach-only`? known here: `observe`, `attach-only`, `sync`
",
    );
}

#[test]
fn a_limit_is_a_positive_number() {
    check_rest(
        "max_attach: 0\nrules: []",
        r"
Error:
  x `max_attach` must be a whole number from 1 to 100000
   ,-[policy.yaml:3:13]
 2 | mode: attach-only
 3 | max_attach: 0
   :             |
   :             `-- this is not
 4 | rules: []
   `----
  help: to change nothing at all, use `mode: observe`; leave the key out for the default
",
    );
    check_rest(
        "max_detach: lots\nrules: []",
        r"
Error:
  x `max_detach` must be a whole number from 1 to 100000
   ,-[policy.yaml:3:13]
 2 | mode: attach-only
 3 | max_detach: lots
   :             ^^|^
   :               `-- this is not
 4 | rules: []
   `----
  help: to change nothing at all, use `mode: observe`; leave the key out for the default
",
    );
    check_rest(
        "max_detach_percent: 101\nrules: []",
        r"
Error:
  x `max_detach_percent` must be a whole number from 1 to 100
   ,-[policy.yaml:3:21]
 2 | mode: attach-only
 3 | max_detach_percent: 101
   :                     ^|^
   :                      `-- this is not
 4 | rules: []
   `----
  help: to change nothing at all, use `mode: observe`; leave the key out for the default
",
    );
}
