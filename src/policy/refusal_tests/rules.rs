//! What is wrong with a rule as a whole: its name, its effect, its consent.

use super::{check_rest, check_rule};

#[test]
fn rules_are_a_list_of_maps() {
    check_rest(
        "rules: {}",
        r"
Error:
  x `rules` must be a list, not a map
   ,-[policy.yaml:3:8]
 2 | mode: attach-only
 3 | rules: {}
   :        |
   :        `-- this is a map
   `----
  help: write it like this: `- name: same-team`, and the rule's other keys below
",
    );
    check_rest(
        "rules:\n  - same-team",
        r"
Error:
  x a rule must be a map, not text
   ,-[policy.yaml:4:5]
 3 | rules:
 4 |   - same-team
   :     ^^^^|^^^^
   :         `-- this is text
   `----
  help: write it like this: `- name: same-team`, and the rule's other keys below
",
    );
}

#[test]
fn a_rule_has_a_name_of_its_own() {
    check_rule(
        "{registry: {tags: {x: y}}, cluster: {tags: {x: y}}}",
        r"
Error:
  x `name` is missing
   ,-[policy.yaml:4:6]
 3 | rules:
 4 |   - {registry: {tags: {x: y}}, cluster: {tags: {x: y}}}
   :      ^^^^|^^^
   :          `-- beside this
   `----
  help: `name:` and a short name of the rule's own
",
    );
    check_rule(
        "{name: '', registry: {tags: {x: y}}, cluster: {tags: {x: y}}}",
        r"
Error:
  x a rule's name must be one line of 1 to 100 characters
   ,-[policy.yaml:4:12]
 3 | rules:
 4 |   - {name: '', registry: {tags: {x: y}}, cluster: {tags: {x: y}}}
   :            ^|
   :             `-- this is not
   `----
  help: plans, reports and role assignments call the rule by its name
",
    );
    check_rest(
        "rules:\n  - {name: r, registry: {tags: {x: y}}, cluster: {tags: {x: y}}}\n  - {name: r, registry: {tags: {x: y}}, cluster: {tags: {x: y}}}",
        r"
Error:
  x two rules are called `r`
   ,-[policy.yaml:4:12]
 3 | rules:
 4 |   - {name: r, registry: {tags: {x: y}}, cluster: {tags: {x: y}}}
   :            |
   :            `-- first here
 5 |   - {name: r, registry: {tags: {x: y}}, cluster: {tags: {x: y}}}
   :            |
   :            `-- and again here
   `----
  help: give each rule a name of its own; its name is how a plan refers to it
",
    );
}

#[test]
fn an_effect_is_one_that_is_known() {
    check_rule(
        "{name: r, effect: vetoe, registry: {tags: {x: y}}, cluster: {tags: {x: y}}}",
        r"
Error:
  x `vetoe` is no effect
   ,-[policy.yaml:4:23]
 3 | rules:
 4 |   - {name: r, effect: vetoe, registry: {tags: {x: y}}, cluster: {tags: {x: y}}}
   :                       ^^|^^
   :                         `-- not known here
   `----
  help: did you mean `veto`? known here: `attach`, `veto`
",
    );
}

#[test]
fn both_sides_of_an_attaching_rule_must_consent() {
    check_rule(
        "{name: r, registry: {tags: {x: y}}}",
        r"
Error:
  x rule `r` attaches without asking the cluster
   ,-[policy.yaml:4:12]
 3 | rules:
 4 |   - {name: r, registry: {tags: {x: y}}}
   :            |
   :            `-- no tag that the cluster must have
   `----
  help: both sides must consent: add a tag under `cluster`, a `join`, or the `subscription` that
        you answer for
",
    );
    check_rule(
        "{name: r, cluster: {tags: {x: y}}}",
        r"
Error:
  x rule `r` attaches without asking the registry
   ,-[policy.yaml:4:12]
 3 | rules:
 4 |   - {name: r, cluster: {tags: {x: y}}}
   :            |
   :            `-- no tag that the registry must have
   `----
  help: both sides must consent: add a tag under `registry`, a `join` with `same_tag`, or the
        `subscription` that you answer for
",
    );
}

#[test]
fn a_join_that_names_a_registry_is_the_clusters_consent_only() {
    check_rule(
        "{name: r, join: [registry_named_in: x]}",
        r"
Error:
  x rule `r` attaches without asking the registry
   ,-[policy.yaml:4:12]
 3 | rules:
 4 |   - {name: r, join: [registry_named_in: x]}
   :            |
   :            `-- no tag that the registry must have
   `----
  help: both sides must consent: add a tag under `registry`, a `join` with `same_tag`, or the
        `subscription` that you answer for
",
    );
    check_rule(
        "{name: r, join: []}",
        r"
Error:
  x rule `r` attaches without asking the cluster
   ,-[policy.yaml:4:12]
 3 | rules:
 4 |   - {name: r, join: []}
   :            |
   :            `-- no tag that the cluster must have
   `----
  help: both sides must consent: add a tag under `cluster`, a `join`, or the `subscription` that
        you answer for

Error:
  x rule `r` attaches without asking the registry
   ,-[policy.yaml:4:12]
 3 | rules:
 4 |   - {name: r, join: []}
   :            |
   :            `-- no tag that the registry must have
   `----
  help: both sides must consent: add a tag under `registry`, a `join` with `same_tag`, or the
        `subscription` that you answer for
",
    );
}

#[test]
fn a_veto_forbids_something_in_particular() {
    check_rule(
        "{name: r, effect: veto}",
        r"
Error:
  x rule `r` has no condition, so it would forbid every pair
   ,-[policy.yaml:4:12]
 3 | rules:
 4 |   - {name: r, effect: veto}
   :            |
   :            `-- forbids everything
   `----
  help: say what it forbids under `cluster`, `registry` or `join`; to change nothing at all, use
        `mode: observe`
",
    );
}

#[test]
fn a_condition_under_a_misspelled_key_is_not_missed_as_well() {
    check_rule(
        "{name: r, join: [registry_named_in: x], registy: {tags: {x: y}}}",
        r"
Error:
  x unknown key `registy`
   ,-[policy.yaml:4:45]
 3 | rules:
 4 |   - {name: r, join: [registry_named_in: x], registy: {tags: {x: y}}}
   :                                             ^^^|^^^
   :                                                `-- not a key of a rule
   `----
  help: did you mean `registry`? known here: `name`, `description`, `effect`, `role`, `cluster`,
        `registry`, `join`
",
    );
}
