//! What is wrong with what may be pinned.

use super::check_rest;

#[test]
fn an_entry_without_a_condition_would_allow_everything() {
    check_rest(
        "pins: [{name: any}]\nrules: []",
        r"
Error:
  x entry `any` of `pins` has no condition, so a command could attach any pair
   ,-[policy.yaml:3:15]
 2 | mode: attach-only
 3 | pins: [{name: any}]
   :               ^|^
   :                `-- allows everything
 4 | rules: []
   `----
  help: say what may be pinned under `cluster`, `registry` or `join`, such as `registry: {tags:
        {acr-attach: {present: true}}}`
",
    );
}

#[test]
fn an_entry_has_no_effect_of_its_own_and_its_misspelled_condition_is_not_missed_twice() {
    check_rest(
        "pins: [{name: a, effect: attach, cluster: {tags: {a: b}}}, {name: b, clusters: {}}]\nrules: []",
        r"
Error:
  x unknown key `effect`
   ,-[policy.yaml:3:18]
 2 | mode: attach-only
 3 | pins: [{name: a, effect: attach, cluster: {tags: {a: b}}}, {name: b, clusters: {}}]
   :                  ^^^|^^
   :                     `-- not a key of an entry of `pins`
 4 | rules: []
   `----
  help: known here: `name`, `description`, `cluster`, `registry`, `join`

Error:
  x unknown key `clusters`
   ,-[policy.yaml:3:70]
 2 | mode: attach-only
 3 | pins: [{name: a, effect: attach, cluster: {tags: {a: b}}}, {name: b, clusters: {}}]
   :                                                                      ^^^^|^^^
   :                                                                          `-- not a key of an entry of `pins`
 4 | rules: []
   `----
  help: did you mean `cluster`? known here: `name`, `description`, `cluster`, `registry`, `join`
",
    );
}
