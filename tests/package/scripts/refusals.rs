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

pub(super) fn in_file(stage: &Stage, file: &str, problem: &str) -> String {
    format!("  - {}: {problem}\n", stage.path(file).display())
}

pub(super) const PARAMETERS: &str = "infra/parameters.json";
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
    // The list of subscriptions is then the one that az remembers; the first question to Azure is refused.
    let stage =
        Stage::new(&json!({ "faults": [{ "like": "signed-out", "match": "provider list" }] }));
    check(&stage, &["AADSTS70043", "Production: which providers are registered was not answered"]);
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
fn a_location_that_a_file_states_too() {
    for (file, change) in [(PARAMETERS, "parameters"), (EVENTS, "events")] {
        let stage = Stage::fine();
        let location = json!("northeurope");
        match change {
            "parameters" => stage.parameter("location", &location),
            _ => stage.events_parameter("location", &location),
        }
        let problem = "`location` is northeurope, and LOCATION is westeurope: leave it out there";
        check_alone(&stage, &in_file(&stage, file, problem));
        stage.run("deploy.sh", &["northeurope", "--yes"]).is_fine();
    }
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
