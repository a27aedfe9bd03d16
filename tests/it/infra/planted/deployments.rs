//! Mistakes that only Azure would tell of.

use super::{APP, BUS, EVENTS, MAIN, check, fine};

const EVENT_GRID: &str = "infra/events.bicep";
const TOPIC: &str = "infra/modules/event-topic.bicep";

#[test]
fn two_deployments_of_one_name_are_found() {
    let other = "has the name of another deployment";
    check(MAIN, "name: '${name}-bus'", "name: '${name}-storage'", other);
    check(MAIN, "name: '${name}-writer-${id}'", "name: '${name}-reader-${id}'", other);
    check(EVENT_GRID, "-topic-roles-${id}", "-topic-${id}", other);
    check(
        EVENT_GRID,
        "[for (id, index) in installation.subscriptions: {\n  name: '${installation.name}-events-${id}'",
        "[for (one, index) in installation.subscriptions: {\n  name: '${installation.name}-topic-${one}'",
        other,
    );
    let named =
        "var named = '${name}-storage'\nmodule bus 'modules/bus.bicep' = {\n  name: named\n";
    check(MAIN, "module bus 'modules/bus.bicep' = {\n  name: '${name}-bus'\n", named, other);
    check(EVENTS, "-alert-dropped", "-alert-events", other);
    check(MAIN, "-reader-${id}", "-reader", "has one name for all");
    check(MAIN, "  name: '${name}-bus'\n", "", "has no name");
}

#[test]
fn the_name_of_a_deployment_that_is_too_long_is_found() {
    let long = |length: usize| format!("may have a name of {length} characters");
    // 12 for the name and 36 for the id leave 16.
    check(MAIN, "-activity-log-${id}", "-the-activity-log-${id}", &long(66));
    check(MAIN, "-activity-log-${id}", "-17-characters-is-${id}", &long(66));
    check(MAIN, "-activity-log-${id}", "-17-characters-s-${id}", &long(65));
    fine(MAIN, "-activity-log-${id}", "-16-characters--${id}");
    check(MAIN, "@maxLength(12)\n", "@maxLength(15)\n", &long(65));
    check(MAIN, "@maxLength(12)\n", "", "may have a name of any length");
    check(EVENT_GRID, "-topic-roles-${id}", "-roles-of-the-topics-${id}", &long(69));
    check(EVENT_GRID, "-topic-${id}", "-topic-${id}-${id}", &long(92));
    check(EVENTS, "-alert-dropped", &"-alert".repeat(9), &long(66));
    check(EVENTS, "${name}-alert-dropped", "${topicName}-dropped", "any length");
    let made = "${take(topicName, 50)}-made";
    check(TOPIC, made, "${topicName}-made", "may have a name of any length");
    check(TOPIC, made, "${take(topicName, 60)}-made", &long(65));
    fine(TOPIC, made, "${take(topicName, 59)}-made");
    check(
        MAIN,
        "-writer-group-${index}",
        "-writer-group-${at.resourceGroup}-${index}",
        "any length",
    );
    check(MAIN, "-writer-group-${index}", &format!("{}${{index}}", "-writer".repeat(8)), &long(71));
}

#[test]
fn a_name_of_a_role_assignment_that_lacks_something_is_found() {
    let group = "infra/modules/assign-at-group.bicep";
    let subscription = "infra/modules/assign-at-subscription.bicep";
    for (file, at) in [(group, "resourceGroup()"), (subscription, "subscription()")] {
        let name = format!("guid({at}.id, principalId, roleId)");
        for (lacking, what) in [
            (format!("guid({at}.id, principalId)"), "roleId"),
            (format!("guid({at}.id, roleId)"), "principalId"),
            ("guid(principalId, roleId)".to_owned(), at),
            (format!("guid('{at}.id', principalId, roleId)"), at),
            (format!("'${{{at}.id}}-${{principalId}}-${{roleId}}'"), at),
        ] {
            check(file, &name, &lacking, &format!("a name that is not made of `{what}"));
        }
    }
    let grants = "infra/modules/event-grants.bicep";
    check(BUS, "guid(commands.id,", "guid(namespace.id,", "not made of `commands.id`");
    check(BUS, "guid(commands.id, principalId, role)", "guid(commands.id, principalId)", "`role`");
    check(grants, "guid(deadEvents.id,", "guid(account.id,", "not made of `deadEvents.id`");
    check(grants, "principalId, dataSender)", "principalId, blobDataContributor)", "`dataSender`");
}

#[test]
fn what_is_made_in_another_turn_of_a_loop_is_found() {
    let turn = "is not of the same turn of the loop";
    for wrong in ["topics[0]", "topics[index + 1]", "topics[id]", "topics[length(topics) - 1]"] {
        check(
            EVENT_GRID,
            "topics[index].outputs.principalId",
            &format!("{wrong}.outputs.principalId"),
            turn,
        );
        check(
            EVENT_GRID,
            "topics[index].outputs.topicName",
            &format!("{wrong}.outputs.topicName"),
            turn,
        );
    }
    check(EVENT_GRID, "grants[index].outputs.queueId", "grants[0].outputs.queueId", turn);
    let grants = "'modules/event-grants.bicep' = [for (id, index) in ";
    check(
        EVENT_GRID,
        &format!("{grants}installation.subscriptions"),
        &format!("{grants}skip(installation.subscriptions, 1)"),
        turn,
    );
}

#[test]
fn a_property_that_is_there_twice_or_is_none_of_a_module_is_found() {
    check(
        APP,
        "httpsOnly: true\n",
        "httpsOnly: true\n    httpsOnly: true\n",
        "`httpsOnly` is there twice",
    );
    check(APP, "httpsOnly: true\n", "httpsOnly: true\n    'HttpsOnly': true\n", "is there twice");
    check(
        MAIN,
        "    statusPage: statusPage\n",
        "    statusPage: statusPage\n    statusPage: true\n",
        "twice",
    );
    check(MAIN, "\n  tags: tags\n}", "\n  tags: tags\n  tags: {}\n}", "`tags` is there twice");
    check(
        APP,
        "      '${identity.id}': {}\n",
        "      '${identity.id}': {}\n      '${identity.id}': {}\n",
        "twice",
    );
    for (wrong, key) in
        [("location: location", "location"), ("param: {}", "param"), ("parent: group", "parent")]
    {
        check(
            MAIN,
            "  name: '${name}-bus'\n",
            &format!("  name: '${{name}}-bus'\n  {wrong}\n"),
            &format!("`bus` is a module and has no property `{key}`"),
        );
    }
    check(
        MAIN,
        "  name: '${name}-reader-${id}'\n",
        "  name: '${name}-reader-${id}'\n  tags: tags\n",
        "`readers` is a module and has no property `tags`",
    );
}

#[test]
fn a_child_without_a_parent_is_found() {
    let storage = "infra/modules/storage.bicep";
    check(BUS, "  parent: namespace\n", "", "queues` and has no parent");
    check(storage, "  parent: account\n", "", "blobServices` and has no parent");
    check(storage, "  parent: blobs\n", "", "containers` and has no parent");
    check(APP, "  parent: app\n  name: 'ftp'", "  name: 'ftp'", "and has no parent");
    check("infra/modules/event-grants.bicep", "  parent: blobs\n", "", "and has no parent");
    check(storage, "  parent: blobs\n  name: 'package'", "  name: '${name}/package'", "no parent");
    fine(storage, "  parent: blobs\n  name: 'package'", "  name: '${name}/default/package'");
}
