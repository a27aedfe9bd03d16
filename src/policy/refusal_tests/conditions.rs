//! What is wrong with conditions on tags and properties, and with their nesting.

use super::check_rule;

#[test]
fn a_condition_says_one_thing() {
    check_rule(
        "{name: r, cluster: {tags: {x: {glob: 'a*', present: true}}}}",
        r"
Error:
  x a condition on a tag says exactly one thing
   ,-[policy.yaml:4:36]
 3 | rules:
 4 |   - {name: r, cluster: {tags: {x: {glob: 'a*', present: true}}}}
   :                                    ^^|^
   :                                      `-- not one thing
   `----
  help: write the value that fits, a list of values, `{present: true}`, `{absent: true}`, `{glob:
        'prod-*'}` or `{not: prod}`
",
    );
    check_rule(
        "{name: r, cluster: {name: {}}}",
        r"
Error:
  x a condition on a name says exactly one thing
   ,-[policy.yaml:4:31]
 3 | rules:
 4 |   - {name: r, cluster: {name: {}}}
   :                               |
   :                               `-- not one thing
   `----
  help: write what fits, a list, `{glob: 'prod-*'}` or `{not: prod}`
",
    );
    check_rule(
        "{name: r, cluster: {subscription: {}}}",
        r"
Error:
  x a condition on a subscription says exactly one thing
   ,-[policy.yaml:4:39]
 3 | rules:
 4 |   - {name: r, cluster: {subscription: {}}}
   :                                       |
   :                                       `-- not one thing
   `----
  help: write the id that fits, a list of ids, or `{not: <id>}`
",
    );
}

#[test]
fn present_and_absent_are_true() {
    check_rule(
        "{name: r, cluster: {tags: {x: {absent: no}}}}",
        r"
Error:
  x `absent` can only be `true`
   ,-[policy.yaml:4:44]
 3 | rules:
 4 |   - {name: r, cluster: {tags: {x: {absent: no}}}}
   :                                            ^|
   :                                             `-- this is not `true`
   `----
  help: write `{present: true}` for what has the tag, `{absent: true}` for what has it not
",
    );
}

#[test]
fn a_name_is_always_there() {
    check_rule(
        "{name: r, cluster: {name: {present: true}}}",
        r"
Error:
  x unknown key `present`
   ,-[policy.yaml:4:32]
 3 | rules:
 4 |   - {name: r, cluster: {name: {present: true}}}
   :                                ^^^|^^^
   :                                   `-- not a key of a condition on a name
   `----
  help: known here: `equals`, `any_of`, `glob`, `not`
",
    );
    check_rule(
        "{name: r, cluster: {subscription: {glob: '1*'}}}",
        r"
Error:
  x unknown key `glob`
   ,-[policy.yaml:4:40]
 3 | rules:
 4 |   - {name: r, cluster: {subscription: {glob: '1*'}}}
   :                                        ^^|^
   :                                          `-- not a key of a condition on a subscription
   `----
  help: known here: `equals`, `any_of`, `not`
",
    );
}

#[test]
fn a_subscription_is_stated_by_its_id() {
    check_rule(
        "{name: r, cluster: {subscription: payments}}",
        r"
Error:
  x `payments` is no subscription id
   ,-[policy.yaml:4:39]
 3 | rules:
 4 |   - {name: r, cluster: {subscription: payments}}
   :                                       ^^^^|^^^
   :                                           `-- not a GUID
   `----
  help: state the id, a GUID: names of subscriptions may change and may be shared
",
    );
}

#[test]
fn a_name_is_no_id() {
    check_rule(
        "{name: r, registry: {name: contoso.azurecr.io/app}}",
        r"
Error:
  x `contoso.azurecr.io/app` cannot be the name of anything
   ,-[policy.yaml:4:32]
 3 | rules:
 4 |   - {name: r, registry: {name: contoso.azurecr.io/app}}
   :                                ^^^^^^^^^^^|^^^^^^^^^^
   :                                           `-- no name
   `----
  help: give the name alone, without a `/`; a subscription and a resource group have keys of their
        own
",
    );
    check_rule(
        "{name: r, registry: {resource_group: ''}}",
        r"
Error:
  x `` cannot be the resource group of anything
   ,-[policy.yaml:4:42]
 3 | rules:
 4 |   - {name: r, registry: {resource_group: ''}}
   :                                          ^|
   :                                           `-- no name
   `----
  help: give the name alone, without a `/`; a subscription and a resource group have keys of their
        own
",
    );
}

#[test]
fn a_pattern_is_text_that_may_occur() {
    check_rule(
        "{name: r, cluster: {tags: {x: {glob: ''}}}}",
        r"
Error:
  x an empty pattern fits nothing but an empty value
   ,-[policy.yaml:4:42]
 3 | rules:
 4 |   - {name: r, cluster: {tags: {x: {glob: ''}}}}
   :                                          ^|
   :                                           `-- empty
   `----
  help: `*` stands for any characters and `?` for one, such as `prod-*`
",
    );
    check_rule(
        "{name: r, cluster: {tags: {x: {glob: []}}}}",
        r"
Error:
  x no value fits the tag `x`: its list is empty
   ,-[policy.yaml:4:42]
 3 | rules:
 4 |   - {name: r, cluster: {tags: {x: {glob: []}}}}
   :                                          |
   :                                          `-- empty
   `----
  help: list what fits, or leave the condition out
",
    );
}

#[test]
fn a_misspelled_condition_is_told_with_what_was_meant() {
    check_rule(
        "{name: r, cluster: {tags: {x: {globs: 'a*'}}}}",
        r"
Error:
  x unknown key `globs`
   ,-[policy.yaml:4:36]
 3 | rules:
 4 |   - {name: r, cluster: {tags: {x: {globs: 'a*'}}}}
   :                                    ^^|^^
   :                                      `-- not a key of a condition on a tag
   `----
  help: did you mean `glob`? known here: `equals`, `any_of`, `glob`, `present`, `absent`, `not`
",
    );
    check_rule(
        "{name: r, cluster: {location: {anyof: [westeurope]}}}",
        r"
Error:
  x unknown key `anyof`
   ,-[policy.yaml:4:36]
 3 | rules:
 4 |   - {name: r, cluster: {location: {anyof: [westeurope]}}}
   :                                    ^^|^^
   :                                      `-- not a key of a condition on a location
   `----
  help: did you mean `any_of`? known here: `equals`, `any_of`, `glob`, `not`
",
    );
    check_rule(
        "{name: r, cluster: {resourcegroup: rg}}",
        r"
Error:
  x unknown key `resourcegroup`
   ,-[policy.yaml:4:25]
 3 | rules:
 4 |   - {name: r, cluster: {resourcegroup: rg}}
   :                         ^^^^^^|^^^^^^
   :                               `-- not a key of `cluster`
   `----
  help: did you mean `resource_group`? known here: `tags`, `name`, `subscription`,
        `resource_group`, `location`, `all`, `any`, `not`
",
    );
}

#[test]
fn what_is_nested_is_a_list_of_selectors_with_conditions() {
    check_rule(
        "{name: r, cluster: {any: {tags: {x: y}}}}",
        r"
Error:
  x `any` must be a list, not a map
   ,-[policy.yaml:4:30]
 3 | rules:
 4 |   - {name: r, cluster: {any: {tags: {x: y}}}}
   :                              |
   :                              `-- this is a map
   `----
  help: write it like this: `- tags: {team: payments}`
",
    );
    check_rule(
        "{name: r, cluster: {all: []}}",
        r"
Error:
  x `all` has no condition in it
   ,-[policy.yaml:4:30]
 3 | rules:
 4 |   - {name: r, cluster: {all: []}}
   :                              |
   :                              `-- empty
   `----
  help: list selectors, such as `- tags: {team: payments}`, or leave `all` out
",
    );
    check_rule(
        "{name: r, cluster: {any: [{tags: {x: y}}, {}]}}",
        r"
Error:
  x a selector in `any` has no condition, so it would fit everything
   ,-[policy.yaml:4:47]
 3 | rules:
 4 |   - {name: r, cluster: {any: [{tags: {x: y}}, {}]}}
   :                                               |
   :                                               `-- fits everything
   `----
  help: say what it asks for, such as `{tags: {team: payments}}`, or leave it out
",
    );
    check_rule(
        "{name: r, cluster: {not: {}}}",
        r"
Error:
  x a selector in `not` has no condition, so it would fit everything
   ,-[policy.yaml:4:30]
 3 | rules:
 4 |   - {name: r, cluster: {not: {}}}
   :                              |
   :                              `-- fits everything
   `----
  help: say what it asks for, such as `{tags: {team: payments}}`, or leave it out
",
    );
}
