//! What `infra/deploy.sh` refuses, before anything is made, in these words.

use serde_json::{Value, json};

use super::{OTHER, SUB, Stage};

/// Refused with all of these words, and nothing was changed
#[track_caller]
pub(super) fn check(stage: &Stage, words: &[&str]) {
    let ended = stage.run("deploy.sh", &["westeurope", "--yes"]);
    ended.refuses(words);
    assert_eq!(stage.changes(), Vec::<String>::new());
    assert!(!stage.programs().iter().any(|call| call.starts_with("cargo build")), "it was built");
}

/// Refused with this problem alone
#[track_caller]
pub(super) fn check_alone(stage: &Stage, problem: &str) {
    let ended = stage.run("deploy.sh", &["westeurope", "--yes"]);
    ended.refuses(&["deploy: nothing was changed. This is wrong:\n", problem]);
    let problems: Vec<&str> = ended.said.lines().filter(|line| line.starts_with("  - ")).collect();
    assert_eq!(problems.len(), 1, "{}", ended.said);
    assert_eq!(stage.changes(), Vec::<String>::new());
}

fn in_file(stage: &Stage, file: &str, problem: &str) -> String {
    format!("  - {}: {problem}\n", stage.path(file).display())
}

const PARAMETERS: &str = "infra/parameters.json";
const EVENTS: &str = "infra/events.parameters.json";

#[test]
fn no_sign_in() {
    check(
        &Stage::new(&json!({ "signedIn": false })),
        &["Please run 'az login'", "deploy: sign in first: az login"],
    );
}

#[test]
fn a_sign_in_that_has_expired() {
    let stage =
        Stage::new(&json!({ "faults": [{ "like": "signed-out", "match": "account list" }] }));
    check(&stage, &["AADSTS70043", "which subscriptions can be seen was not answered"]);
}

#[test]
fn no_terminal_without_yes() {
    let stage = Stage::fine();
    let ended = stage.run("deploy.sh", &["westeurope"]);
    ended.refuses(&[
        "signed in as",
        "there is no terminal to ask on: with --yes it goes on without asking",
    ]);
    assert_eq!(stage.changes(), Vec::<String>::new());
}

#[test]
fn a_no_on_the_terminal() {
    for typed in ["n\n", "\n", "what\n"] {
        let stage = Stage::fine();
        let ended = stage.run_on_terminal("deploy.sh", &["westeurope"], typed);
        ended.refuses(&[
            "into          Production (11111111",
            "Deploy this? [y/N]",
            "nothing was changed",
        ]);
        assert_eq!(stage.changes(), Vec::<String>::new());
    }
}

#[test]
fn words_that_are_no_location_name_or_option() {
    let stage = Stage::fine();
    stage.run("deploy.sh", &[]).refuses(&["usage: infra/deploy.sh LOCATION [NAME] [--yes]"]);
    stage.run("deploy.sh", &["westeurope", "--force"]).refuses(&["unknown option --force"]);
    stage.run("deploy.sh", &["westeurope", "a", "b"]).refuses(&["one NAME is enough: b"]);
    assert_eq!(stage.calls(), Vec::<String>::new());
}

#[test]
fn files_that_are_missing_are_named_together() {
    let stage = Stage::fine();
    let names = ["PARAMETERS", "EVENTS_PARAMETERS", "POLICY", "PACKAGE"];
    let set = names.map(|name| (name, "no where"));
    let ended = stage.run_with("deploy.sh", &["westeurope", "--yes"], &set);
    let missing = stage.path("no where");
    let lines = names.map(|name| format!("  - {name}: there is no file {}\n", missing.display()));
    assert_eq!(ended.said, format!("deploy: this is missing:\n{}", lines.concat()));
    assert_eq!((ended.code, stage.calls().len()), (Some(1), 0));
}

#[test]
fn files_that_are_no_parameters() {
    let stage = Stage::fine();
    stage.is_refused_by_az();
    stage.write(PARAMETERS, "{ \"parameters\": // mine\n {} }");
    stage.write(EVENTS, "[]");
    let both = [PARAMETERS, EVENTS].map(|file| {
        format!(
            "{} is no JSON with an object `parameters` (comments are not read)\n",
            stage.path(file).display()
        )
    });
    check(&stage, &["deploy: this cannot be read:\n", &both[0], &both[1]]);
}

#[test]
fn placeholders_and_lists_that_cannot_be_meant() {
    let check = |subscriptions: Value, problem: &str| {
        let stage = Stage::fine();
        stage.parameter("subscriptions", &subscriptions);
        check(&stage, &[&in_file(&stage, PARAMETERS, problem)]);
    };
    let zeros = "00000000-0000-0000-0000-000000000000";
    check(
        json!([zeros]),
        "the subscription 00000000-0000-0000-0000-000000000000 is a placeholder: name your own, or leave `subscriptions` out for the one that is set",
    );
    check(
        json!([]),
        "`subscriptions` is empty: name at least one, or leave it out for the one that is set",
    );
    let twice = format!("the subscription {SUB} is named twice");
    check(json!([SUB, SUB]), &twice);
    check(json!(["Production"]), "Production is no subscription id");
    check(json!(["1111-1111"]), "1111-1111 is no subscription id");
    let other_case = "ABCDEFAB-1111-1111-1111-111111111111";
    let twice = format!("the subscription {other_case} is named twice");
    check(json!([other_case.to_lowercase(), other_case]), &twice);
    let capitals = format!("write the subscription {other_case} in small letters");
    check(json!([other_case]), &capitals);
}

#[test]
fn subscriptions_that_cannot_be_used() {
    let check = |second: Value, problem: &str| check_alone(&Stage::two(&second), problem);
    let unseen = format!(
        "  - the subscription {OTHER} cannot be seen by user@example.com: is the id right, and is it of the tenant"
    );
    check(json!({ "visible": false, "cached": false }), &unseen);
    // What az remembers of it is old.
    check(json!({ "visible": false, "cached": true }), &unseen);
    check(
        json!({ "state": "Disabled" }),
        &format!("  - the subscription Sandbox ({OTHER}) is Disabled, not Enabled\n"),
    );
    let tenant = "eeeeeeee-0000-4000-8000-000000000002";
    let elsewhere = format!(
        "  - the subscription Sandbox ({OTHER}) is of the tenant {tenant}, and tether's identity would be of"
    );
    check(json!({ "tenant": tenant }), &elsewhere);
}

#[test]
fn a_provider_that_one_of_two_subscriptions_lacks() {
    let stage = Stage::two(
        &json!({ "providers": { "Microsoft.EventGrid": "NotRegistered", "Microsoft.Insights": "Registered" } }),
    );
    let line = format!(
        "  - Sandbox: the provider Microsoft.EventGrid is not registered: az provider register --subscription {OTHER} --namespace Microsoft.EventGrid --wait\n"
    );
    check_alone(&stage, &line);
    // The line is what helps.
    stage.type_in(line.trim().split(": ").last().unwrap()).is_fine();
    stage.run("deploy.sh", &["westeurope", "--yes"]).is_fine();
}

#[test]
fn rights_that_are_missing() {
    let actions = |allowed: Value, excluded: Value| json!({ "permissions": [{ "actions": allowed, "notActions": excluded }] });
    let contributor =
        json!(["Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write"]);
    let stage = Stage::two(&actions(json!(["*"]), contributor));
    for action in [
        "Microsoft.Authorization/roleAssignments/write",
        "Microsoft.Authorization/roleDefinitions/write",
    ] {
        let problem = format!(
            "  - Sandbox: user@example.com may not do {action} there: Owner may, and so may Contributor with User Access Administrator"
        );
        check(&stage, &[&problem]);
    }
    let stage = Stage::two(&actions(json!(["*/read"]), json!([])));
    check(
        &stage,
        &["Sandbox: user@example.com may not do Microsoft.Resources/deployments/write there"],
    );
    // Built-in roles need no role to be made.
    let assigns = json!([
        "Microsoft.Resources/deployments/*",
        "microsoft.authorization/roleassignments/*",
        "Microsoft.Resources/subscriptions/resourceGroups/*",
        "Microsoft.EventGrid/*",
        "*/read"
    ]);
    let stage = Stage::two(&actions(assigns.clone(), json!([])));
    check(&stage, &["may not do Microsoft.Authorization/roleDefinitions/write"]);
    let stage = Stage::two(&actions(assigns, json!([])));
    stage.parameter("useBuiltInRoles", &json!(true));
    stage.run("deploy.sh", &["westeurope", "--yes"]).is_fine();
}

#[test]
fn rights_that_azure_does_not_tell_beforehand_are_no_refusal() {
    let stage = Stage::fine();
    stage.fail(
        "permissions",
        1,
        "ERROR: Not Found({\"error\":{\"code\":\"InvalidResourceType\"}})",
    );
    let ended = stage.run("deploy.sh", &["westeurope", "--yes"]);
    ended
        .is_fine()
        .says(&["Production: what user@example.com may do there is not known beforehand"]);
}

#[test]
fn a_region_that_cannot_run_it() {
    let stage = Stage::fine();
    let ended = stage.run("deploy.sh", &["germanywestcentral", "--yes"]);
    ended.refuses(&["  - the region germanywestcentral has no Flex Consumption; these have it: westeurope northeurope"]);
    let stage =
        Stage::new(&json!({ "locations": { "westeurope": { "flex": true, "custom": [] } } }));
    check(
        &stage,
        &[
            "Runtime 'custom' not supported",
            "the region westeurope does not have the runtime `custom` 1.0 on Flex Consumption: take another region",
        ],
    );
}

#[test]
fn another_location_for_the_same_name() {
    let stage = Stage::deployed();
    let before = stage.changes();
    let ended = stage.run("deploy.sh", &["northeurope", "--yes"]);
    ended.refuses(&[
        "  - the deployment tether was made in westeurope: use that region, or another NAME for another installation\n",
        "  - the deployment tether-events was made in westeurope: use that region, or another NAME for another installation\n",
        "  - the resource group rg-tether is in westeurope: use that region, or another `resourceGroupName`\n",
        "  - Production: the resource group rg-tether-events is in westeurope: use that region, or another `resourceGroupName`\n",
    ]);
    assert_eq!(stage.changes(), before);
    // The same region, however it is written
    stage.run("deploy.sh", &["West Europe", "--yes"]).is_fine();
}

#[test]
fn names_that_others_have() {
    let check = |taken: Value, problem: &str| {
        let stage = Stage::new(&json!({ "taken": taken }));
        stage.parameter("functionAppName", &json!("func-contoso"));
        stage.parameter("serviceBusName", &json!("sbns-contoso"));
        stage.parameter("storageAccountName", &json!("stcontoso"));
        check_alone(&stage, problem);
    };
    check(
        json!({ "sites": ["func-contoso"] }),
        "the name func-contoso is taken in Azure by another function app or web app: state `functionAppName` in",
    );
    check(
        json!({ "servicebus": ["sbns-contoso"] }),
        "the name sbns-contoso is taken in Azure by another Service Bus namespace: state `serviceBusName` in",
    );
    check(
        json!({ "storage": ["stcontoso"] }),
        "the name stcontoso is taken in Azure by another storage account: state `storageAccountName` in",
    );
}

#[test]
fn files_that_disagree() {
    let stage = Stage::fine();
    stage.events_parameter("subscriptions", &json!([OTHER]));
    stage.events_parameter("name", &json!("other"));
    stage.events_parameter(
        "existingTopics",
        &json!({ OTHER: { "resourceGroup": "rg", "topics": "t" } }),
    );
    stage.parameter(
        "registryResourceGroups",
        &json!([{ "subscription": OTHER, "resourceGroup": "rg" }]),
    );
    let of_estate = format!(
        "`existingTopics` names the subscription {OTHER}, which is not of the estate of {}",
        stage.path(PARAMETERS).display()
    );
    let groups = format!(
        "`registryResourceGroups` names the subscription {OTHER}, which is not of the estate"
    );
    let words = [
        in_file(
            &stage,
            EVENTS,
            "`subscriptions` is not stated there: it comes from the first deployment, or is unknown",
        ),
        in_file(
            &stage,
            EVENTS,
            "`name` is not stated there: it comes from the first deployment, or is unknown",
        ),
        in_file(&stage, EVENTS, &of_estate),
        in_file(
            &stage,
            EVENTS,
            "`existingTopics` has no member `topics`: it takes `resourceGroup` and `topic`",
        ),
        in_file(&stage, PARAMETERS, &groups),
    ];
    check(&stage, &words.each_ref().map(String::as_str));
    let stage = Stage::fine();
    let groups = ["rg-images", "RG-images"]
        .map(|group| json!({ "subscription": SUB, "resourceGroup": group }));
    stage.parameter("registryResourceGroups", &json!(groups));
    let twice = format!("`registryResourceGroups` names this twice: {SUB}/rg-images");
    check(&stage, &[&in_file(&stage, PARAMETERS, &twice)]);
}

#[test]
fn a_misspelled_member_or_parameter_is_refused_by_the_template_before_anything_is_made() {
    let stage = Stage::fine();
    stage.parameter(
        "registryResourceGroups",
        &json!([{ "subscription": SUB, "resourceGroups": "rg" }]),
    );
    check(
        &stage,
        &[
            "properties not defined in the schema",
            "resourceGroups",
            "Azure refuses the template with these parameters: see above",
        ],
    );
    let stage = Stage::fine();
    stage.parameter("subscription", &json!([SUB]));
    check(&stage, &["subscription", "Azure refuses the template with these parameters: see above"]);
}

#[test]
fn a_question_that_azure_does_not_answer_is_no_yes() {
    for (question, words) in [
        ("list-flexconsumption-locations", "which regions have Flex Consumption was not answered"),
        ("account list", "which subscriptions can be seen was not answered"),
        ("provider list", "Production: which providers are registered was not answered"),
        ("permissions", "Production: what user@example.com may do there was not answered"),
        ("deployment sub validate", "Azure refuses the template"),
    ] {
        let stage = Stage::fine();
        stage.fail(question, 1, "ERROR: (InternalServerError) Something went wrong");
        check(&stage, &["Something went wrong", words]);
    }
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let stage = Stage::two(&json!({ "providers": {}, "state": "Enabled" }));
    stage.events_parameter("name", &json!("other"));
    stage.write("policy.yaml", "owner: change-me\nmode: observe\nrules: []\n");
    stage.parameter("subscriptions", &json!([SUB, OTHER, OTHER, "x"]));
    let ended = stage.run("deploy.sh", &["germanywestcentral", "--yes"]);
    ended.refuses(&[
        "is named twice",
        "x is no subscription id",
        "`name` is not stated there",
        "has no Flex Consumption",
        "Microsoft.EventGrid is not registered",
        "Microsoft.Insights is not registered",
        "cannot be used",
    ]);
    assert_eq!(stage.changes(), Vec::<String>::new());
}
