//! What is wrong with the conditions of a rule: its selectors, tags and joins.

use super::check_rule;

#[test]
fn a_selector_is_a_map_of_tags() {
    check_rule(
        "{name: r, cluster: }",
        r"
Error:
  x `cluster` must be a map, not nothing
   ,-[policy.yaml:4:22]
 3 | rules:
 4 |   - {name: r, cluster: }
   :                      ^
   :                      `-- this is nothing
   `----
  help: write it like this: `{tags: {team: payments}}`
",
    );
    check_rule(
        "{name: r, cluster: {tag: {x: y}}}",
        r"
Error:
  x unknown key `tag`
   ,-[policy.yaml:4:25]
 3 | rules:
 4 |   - {name: r, cluster: {tag: {x: y}}}
   :                         ^|^
   :                          `-- not a key of `cluster`
   `----
  help: did you mean `tags`? known here: `tags`, `name`, `subscription`, `resource_group`,
        `location`, `all`, `any`, `not`
",
    );
    check_rule(
        "{name: r, cluster: {tags: [x]}}",
        r"
Error:
  x `tags` must be a map, not a list
   ,-[policy.yaml:4:31]
 3 | rules:
 4 |   - {name: r, cluster: {tags: [x]}}
   :                               |
   :                               `-- this is a list
   `----
  help: write it like this: `{team: payments}`
",
    );
}

#[test]
fn a_tags_name_is_one_that_azure_allows() {
    check_rule(
        "{name: r, cluster: {tags: {a/b: y}}}",
        r"
Error:
  x `a/b` is no tag name: Azure allows none of `<`, `>`, `%`, `&`, `\`, `?` and `/` in it
   ,-[policy.yaml:4:32]
 3 | rules:
 4 |   - {name: r, cluster: {tags: {a/b: y}}}
   :                                ^|^
   :                                 `-- no resource can have this tag
   `----
  help: write the name as Azure shows it; its letter case does not matter
",
    );
    check_rule(
        "{name: r, join: [same_tag: '']}",
        r"
Error:
  x `` is no tag name: it is empty
   ,-[policy.yaml:4:32]
 3 | rules:
 4 |   - {name: r, join: [same_tag: '']}
   :                                ^|
   :                                 `-- no resource can have this tag
   `----
  help: write the name as Azure shows it; its letter case does not matter
",
    );
    check_rule(
        "{name: r, cluster: {tags: {X: y, x: y}}}",
        r"
Error:
  x `x` is there twice
   ,-[policy.yaml:4:32]
 3 | rules:
 4 |   - {name: r, cluster: {tags: {X: y, x: y}}}
   :                                |     |
   :                                |     `-- and again here
   :                                `-- first here
   `----
  help: letter case makes no difference in the names of tags: keep one of the two
",
    );
}

#[test]
fn a_tags_value_is_text_that_azure_allows() {
    check_rule(
        "{name: r, cluster: {tags: {x: [a, 1.0]}}}",
        r"
Error:
  x a tag's value must be text, not a number
   ,-[policy.yaml:4:39]
 3 | rules:
 4 |   - {name: r, cluster: {tags: {x: [a, 1.0]}}}
   :                                       ^|^
   :                                        `-- this is a number
   `----
  help: put it in quotation marks to make it text
",
    );
    check_rule(
        "{name: r, cluster: {tags: {x: true}}}",
        r"
Error:
  x a tag's value must be text, not true or false
   ,-[policy.yaml:4:35]
 3 | rules:
 4 |   - {name: r, cluster: {tags: {x: true}}}
   :                                   ^^|^
   :                                     `-- this is true or false
   `----
  help: put it in quotation marks to make it text
",
    );
    check_rule(
        "{name: r, cluster: {tags: {x: []}}}",
        r"
Error:
  x no value fits the tag `x`: its list is empty
   ,-[policy.yaml:4:35]
 3 | rules:
 4 |   - {name: r, cluster: {tags: {x: []}}}
   :                                   |
   :                                   `-- empty
   `----
  help: list what fits, or leave the condition out
",
    );
}

#[test]
fn present_is_true_or_left_out() {
    check_rule(
        "{name: r, cluster: {tags: {x: {present: false}}}}",
        r"
Error:
  x `present` can only be `true`
   ,-[policy.yaml:4:45]
 3 | rules:
 4 |   - {name: r, cluster: {tags: {x: {present: false}}}}
   :                                             ^^|^^
   :                                               `-- this is not `true`
   `----
  help: write `{present: true}` for what has the tag, `{absent: true}` for what has it not
",
    );
    check_rule(
        "{name: r, cluster: {tags: {x: {}}}}",
        r"
Error:
  x a condition on a tag says exactly one thing
   ,-[policy.yaml:4:35]
 3 | rules:
 4 |   - {name: r, cluster: {tags: {x: {}}}}
   :                                   |
   :                                   `-- not one thing
   `----
  help: write the value that fits, a list of values, `{present: true}`, `{absent: true}`, `{glob:
        'prod-*'}` or `{not: prod}`
",
    );
    check_rule(
        "{name: r, cluster: {tags: {x: {absent: true}}}}",
        r"
Error:
  x rule `r` attaches without asking the cluster
   ,-[policy.yaml:4:12]
 3 | rules:
 4 |   - {name: r, cluster: {tags: {x: {absent: true}}}}
   :            |
   :            `-- no tag that the cluster must have
   `----
  help: both sides must consent: add a tag under `cluster`, a `join`, or the `subscription` that
        you answer for

Error:
  x rule `r` attaches without asking the registry
   ,-[policy.yaml:4:12]
 3 | rules:
 4 |   - {name: r, cluster: {tags: {x: {absent: true}}}}
   :            |
   :            `-- no tag that the registry must have
   `----
  help: both sides must consent: add a tag under `registry`, a `join` with `same_tag`, or the
        `subscription` that you answer for
",
    );
}

#[test]
fn a_join_says_one_thing() {
    check_rule(
        "{name: r, join: [{same_tag: a, registry_named_in: b}]}",
        r"
Error:
  x a join says exactly one thing
   ,-[policy.yaml:4:23]
 3 | rules:
 4 |   - {name: r, join: [{same_tag: a, registry_named_in: b}]}
   :                       ^^^^|^^^
   :                           `-- not one thing
   `----
  help: write one entry for each: `- same_tag: team` or `- registry_named_in: acr-attach`
",
    );
    check_rule(
        "{name: r, join: [{}]}",
        r"
Error:
  x a join says exactly one thing
   ,-[policy.yaml:4:22]
 3 | rules:
 4 |   - {name: r, join: [{}]}
   :                      |
   :                      `-- not one thing
   `----
  help: write one entry for each: `- same_tag: team` or `- registry_named_in: acr-attach`
",
    );
    check_rule(
        "{name: r, join: [registry_named: y]}",
        r"
Error:
  x unknown key `registry_named`
   ,-[policy.yaml:4:22]
 3 | rules:
 4 |   - {name: r, join: [registry_named: y]}
   :                      ^^^^^^^|^^^^^^
   :                             `-- not a key of a join
   `----
  help: did you mean `registry_named_in`? known here: `same_tag`, `registry_named_in`
",
    );
    check_rule(
        "{name: r, join: {same_tag: a}}",
        r"
Error:
  x `join` must be a list, not a map
   ,-[policy.yaml:4:21]
 3 | rules:
 4 |   - {name: r, join: {same_tag: a}}
   :                     |
   :                     `-- this is a map
   `----
  help: write it like this: `- same_tag: team`
",
    );
}

#[test]
fn same_tag_names_a_tag_of_each_side() {
    check_rule(
        "{name: r, join: [same_tag: {cluster: x}]}",
        r"
Error:
  x `registry` is missing
   ,-[policy.yaml:4:33]
 3 | rules:
 4 |   - {name: r, join: [same_tag: {cluster: x}]}
   :                                 ^^^|^^^
   :                                    `-- beside this
   `----
  help: `same_tag` with two names has one for each side; for one name on both sides, write
        `same_tag: team`
",
    );
    check_rule(
        "{name: r, join: [same_tag: {cluster: x, registri: y}]}",
        r"
Error:
  x unknown key `registri`
   ,-[policy.yaml:4:45]
 3 | rules:
 4 |   - {name: r, join: [same_tag: {cluster: x, registri: y}]}
   :                                             ^^^^|^^^
   :                                                 `-- not a key of `same_tag`
   `----
  help: did you mean `registry`? known here: `cluster`, `registry`
",
    );
    check_rule(
        "{name: r, join: [same_tag: [x]]}",
        r"
Error:
  x a tag's name must be text, not a list
   ,-[policy.yaml:4:32]
 3 | rules:
 4 |   - {name: r, join: [same_tag: [x]]}
   :                                |
   :                                `-- this is a list
   `----
  help: write a single text here
",
    );
}
