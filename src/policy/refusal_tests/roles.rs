//! What is wrong with the consent of a rule, with its role, and with service principals.

use super::{check_rest, check_rule};

#[test]
fn what_may_be_met_without_a_tag_is_no_consent() {
    check_rule(
        "{name: r, cluster: {tags: {x: {not: y}}}, registry: {tags: {x: y}}}",
        r"
Error:
  x rule `r` attaches without asking the cluster
   ,-[policy.yaml:4:12]
 3 | rules:
 4 |   - {name: r, cluster: {tags: {x: {not: y}}}, registry: {tags: {x: y}}}
   :            |
   :            `-- no tag that the cluster must have
   `----
  help: both sides must consent: add a tag under `cluster`, a `join`, or the `subscription` that
        you answer for
",
    );
    check_rule(
        "{name: r, cluster: {tags: {x: y}}, registry: {name: acr1, resource_group: rg, location: westeurope}}",
        r"
Error:
  x rule `r` attaches without asking the registry
   ,-[policy.yaml:4:12]
 3 | rules:
 4 |   - {name: r, cluster: {tags: {x: y}}, registry: {name: acr1, resource_group: rg, location: westeurope}}
   :            |
   :            `-- no tag that the registry must have
   `----
  help: both sides must consent: add a tag under `registry`, a `join` with `same_tag`, or the
        `subscription` that you answer for
",
    );
    check_rule(
        "{name: r, cluster: {any: [{tags: {x: y}}, {name: aks1}]}, registry: {tags: {x: y}}}",
        r"
Error:
  x rule `r` attaches without asking the cluster
   ,-[policy.yaml:4:12]
 3 | rules:
 4 |   - {name: r, cluster: {any: [{tags: {x: y}}, {name: aks1}]}, registry: {tags: {x: y}}}
   :            |
   :            `-- no tag that the cluster must have
   `----
  help: both sides must consent: add a tag under `cluster`, a `join`, or the `subscription` that
        you answer for
",
    );
}

#[test]
fn a_role_is_one_that_is_handed_out() {
    check_rule(
        "{name: r, role: Owner, cluster: {tags: {x: y}}, registry: {tags: {x: y}}}",
        r"
Error:
  x `Owner` is no role
   ,-[policy.yaml:4:21]
 3 | rules:
 4 |   - {name: r, role: Owner, cluster: {tags: {x: y}}, registry: {tags: {x: y}}}
   :                     ^^|^^
   :                       `-- not known here
   `----
  help: known here: `auto`, `AcrPull`, `Container Registry Repository Reader`
",
    );
    check_rule(
        "{name: r, role: acrpull, cluster: {tags: {x: y}}, registry: {tags: {x: y}}}",
        r"
Error:
  x `acrpull` is no role
   ,-[policy.yaml:4:21]
 3 | rules:
 4 |   - {name: r, role: acrpull, cluster: {tags: {x: y}}, registry: {tags: {x: y}}}
   :                     ^^^|^^^
   :                        `-- not known here
   `----
  help: did you mean `AcrPull`? known here: `auto`, `AcrPull`, `Container Registry Repository
        Reader`
",
    );
}

#[test]
fn a_veto_has_no_role() {
    check_rule(
        "{name: r, effect: veto, role: auto, cluster: {tags: {x: y}}}",
        r"
Error:
  x a veto attaches nothing, so it has no `role`
   ,-[policy.yaml:4:35]
 3 | rules:
 4 |   - {name: r, effect: veto, role: auto, cluster: {tags: {x: y}}}
   :                                   ^^|^
   :                                     `-- no use here
   `----
  help: leave `role` out, or `effect: veto`
",
    );
}

#[test]
fn service_principals_are_stated_by_cluster_with_object_ids() {
    check_rest(
        "rules: []\nservice_principals: {aks1: 00000000-0000-0000-0000-000000000001}",
        r"
Error:
  x `service_principals` are stated by cluster id
  `-> `aks1` is not a resource id: expected `/subscriptions/<id>/resourceGroups/<group>/providers/
      <namespace>/<type>/<name>`
   ,-[policy.yaml:4:22]
 3 | rules: []
 4 | service_principals: {aks1: 00000000-0000-0000-0000-000000000001}
   :                      ^^|^
   :                        `-- no cluster id
   `----
  help: `az aks show -g <group> -n <name> --query id` tells the id
",
    );
    check_rest(
        "rules: []\nservice_principals:\n  /subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/a: app\n  /subscriptions/11111111-1111-1111-1111-111111111111/resourcegroups/rg/providers/microsoft.containerservice/managedclusters/b: 00000000-0000-0000-0000-000000000001\n  /subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/B: 00000000-0000-0000-0000-000000000001",
        r"
Error:
  x `app` is no object id
   ,-[policy.yaml:5:129]
 4 | service_principals:
 5 |   /subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/a: app
   :                                                                                                                                 ^|^
   :                                                                                                                                  `-- not a GUID
 6 |   /subscriptions/11111111-1111-1111-1111-111111111111/resourcegroups/rg/providers/microsoft.containerservice/managedclusters/b: 00000000-0000-0000-0000-000000000001
   `----
  help: a GUID: `az ad sp show --id <application id> --query id` tells it; the application id
        itself is another one

Error:
  x `/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/…` is there
  | twice
   ,-[policy.yaml:6:3]
 5 |   /subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/a: app
 6 |   /subscriptions/11111111-1111-1111-1111-111111111111/resourcegroups/rg/providers/microsoft.containerservice/managedclusters/b: 00000000-0000-0000-0000-000000000001
   :   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^|^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   :                                                                 `-- first here
 7 |   /subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/B: 00000000-0000-0000-0000-000000000001
   :   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^|^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   :                                                                 `-- and again here
   `----
  help: letter case makes no difference in ids: keep one of the two
",
    );
    check_rest(
        "rules: []\nservice_principals: [x]",
        r"
Error:
  x `service_principals` must be a map, not a list
   ,-[policy.yaml:4:21]
 3 | rules: []
 4 | service_principals: [x]
   :                     |
   :                     `-- this is a list
   `----
  help: write it like this: `<cluster id>: <object id>`, a line for each
",
    );
}
