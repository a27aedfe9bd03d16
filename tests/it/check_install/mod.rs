//! `tether check-install` against a Resource Manager that knows one installation: what it says when
//! all is well, and for each thing that is missing or wrong.

mod world;

use serde_json::{Value, json};

use crate::program::check_in_readme;
use world::{
    Answers, GROUP, RECEIVER, SENDER, SUB, Said, app_id, event_subscriptions, queue_path,
    role_assignments, role_id, run, run_on_terminal, topic_roles,
};

/// It fails, says all of this, and everything else is still as it should be.
#[track_caller]
fn check(said: &Said, words: &[&str]) {
    let Said { code, stdout, stderr, .. } = said;
    assert_eq!((*code, stderr.as_str()), (Some(1), ""), "{stdout}");
    for word in words {
        assert!(stdout.contains(word), "`{word}` is not in:\n{stdout}");
    }
    let bad = stdout.lines().filter(|line| line.contains("WRONG ") || line.contains("UNSEEN "));
    assert_eq!(bad.count(), words.len(), "{stdout}");
}

async fn after(change: impl FnOnce(&mut Answers)) -> Said {
    let mut answers = Answers::right();
    change(&mut answers);
    run(answers, &app_id()).await
}

fn settings_path() -> String {
    format!("{}/config/appsettings/list", app_id())
}

async fn with_setting(name: &str, value: Value) -> Said {
    after(|answers| {
        answers.change(&settings_path(), |all| all["properties"][name] = value);
    })
    .await
}

#[tokio::test]
async fn an_installation_as_infra_makes_it_is_as_it_should_be() {
    let said = after(|_| ()).await;
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{}", said.stdout);
    for line in [
        "its runtime is `custom`",
        "the host knows all 3 functions",
        "the status page is off",
        "it assigns the two pull roles, and no other, at /subscriptions/",
        "the app may receive from `commands`",
        "are delivered here",
        "as they should be.",
    ] {
        assert!(said.stdout.contains(line), "`{line}` is not in:\n{}", said.stdout);
    }
    assert!(!said.stdout.contains("WRONG") && !said.stdout.contains("note "), "{}", said.stdout);
    let mut asked: Vec<_> = said.asked.iter().filter(|(method, _)| method != "GET").collect();
    asked.dedup();
    assert_eq!(asked, [&("POST".to_owned(), settings_path())], "it only reads");
}

#[tokio::test]
async fn only_a_terminal_sees_that_it_is_looking_and_not_if_quiet() {
    let mut slow = Answers::right();
    slow.wait_at(&queue_path("commands"));
    let answer = run(Answers::right(), &app_id()).await.stdout;
    let shown = run_on_terminal(slow.clone(), &["--quiet", &app_id()]).await;
    assert_eq!(shown, answer);
    let shown = run_on_terminal(slow, &[&app_id()]).await;
    let progress = "looking at Azure 1 s ..";
    assert!(shown.contains(progress) && shown.ends_with("as they should be.\n"), "{shown:?}");
}

#[tokio::test]
async fn what_is_no_app_and_an_app_that_is_not_there_are_told_apart() {
    let said = run(Answers::right(), "func-tether").await;
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("is not the id of a function app"), "{}", said.stderr);
    let said = run(Answers::right(), &app_id().replace("func-tether", "other")).await;
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains("there is no function app"), "{}", said.stderr);
}

#[tokio::test]
async fn settings_that_are_wrong_are_named_and_never_shown() {
    let said = with_setting("TETHER_AUTH", json!("developer")).await;
    check(&said, &["the setting TETHER_AUTH is missing or wrong"]);
    let said = with_setting("FUNCTIONS_WORKER_RUNTIME", json!("custom")).await;
    check(&said, &["the setting FUNCTIONS_WORKER_RUNTIME is there"]);
    let said = with_setting("TETHER_SUBSCRIPTIONS", json!("payments")).await;
    check(&said, &["holds something that is no subscription id"]);
    let blobs = "AzureWebJobsStorage__blobServiceUri";
    // Without it nobody knows the account with the container, either.
    let said = with_setting(blobs, json!("sttether")).await;
    check(&said, &[&format!("the setting {blobs} is missing or wrong")]);
    let secret = "Endpoint=sb://x;SharedAccessKey=hidden";
    let said = with_setting("Old", json!(secret)).await;
    check(&said, &["the setting Old holds a key"]);
    assert!(!said.stdout.contains("hidden"), "{}", said.stdout);
}

#[tokio::test]
async fn the_status_page_may_be_off_and_on_as_the_setting_says() {
    let disable = |answers: &mut Answers| {
        answers.change(&format!("{}/functions", app_id()), |all| {
            all["value"][3]["properties"]["isDisabled"] = json!(true);
        });
    };
    let turn = |answers: &mut Answers, value: &str| {
        let value = json!(value);
        answers.change(&settings_path(), |all| all["properties"]["TETHER_STATUS"] = value);
    };
    let off = after(disable).await;
    assert_eq!(off.code, Some(0), "{}", off.stdout);
    let on = after(|answers| turn(answers, "on")).await;
    assert_eq!(on.code, Some(0), "{}", on.stdout);
    for line in ["the host knows all 4 functions", "the status page is on"] {
        assert!(on.stdout.contains(line), "{}", on.stdout);
    }
    let both = after(|answers| {
        disable(answers);
        turn(answers, "on");
    });
    check(&both.await, &["the function status is switched off"]);
    let odd = after(|answers| turn(answers, "yes")).await;
    check(&odd, &["TETHER_STATUS is neither `on` nor `off`"]);
}

#[tokio::test]
async fn a_function_that_the_host_does_not_know_is_named() {
    let said = after(|answers| {
        answers.change(&format!("{}/functions", app_id()), |all| {
            all["value"][0]["properties"]["isDisabled"] = json!(true);
            all["value"].as_array_mut().unwrap().remove(2);
        });
    })
    .await;
    check(
        &said,
        &[
            "the function command-received is switched off",
            "the host knows no function resource-changed",
        ],
    );
}

#[tokio::test]
async fn a_right_to_assign_roles_without_our_condition_is_found() {
    let with = |condition: Value| {
        after(move |answers| {
            answers.change(&role_assignments(), |all| {
                all["value"][1]["properties"]["condition"] = condition;
            });
        })
    };
    check(&with(Value::Null).await, &["it may assign any role to anyone at /subscriptions/"]);
    check(&with(json!("(true)")).await, &["the condition on its right to assign roles"]);
}

#[tokio::test]
async fn a_role_that_is_missing_is_found() {
    let without = |index: usize| {
        after(move |answers| {
            answers.change(&role_assignments(), |all| {
                all["value"].as_array_mut().unwrap().remove(index);
            });
        })
    };
    let said = without(3).await;
    let lines: Vec<&str> = said.stdout.lines().collect();
    let at = lines.iter().position(|line| line.contains("WRONG")).unwrap();
    let command = r#"cargo run --quiet -- check-install "$APP" | grep -A 1 WRONG"#;
    check_in_readme(command, &lines[at..at + 2].join("\n"));
    check(&without(0).await, &["it may not read all it needs in"]);
    let words = ["the app may not receive from `commands`", "the app may not send to `commands`"];
    check(&without(2).await, &words);
    check(&without(3).await, &["the app may not send to `rejected`"]);
    // Without the right to write it can still observe, which is a fine way to start.
    let said = without(1).await;
    assert_eq!(said.code, Some(0), "{}", said.stdout);
    assert!(said.stdout.contains("right for mode `observe` only"), "{}", said.stdout);
}

#[tokio::test]
async fn receiving_and_sending_are_enough_without_owning_the_queue() {
    let with = |roles: &'static [&'static str]| {
        after(move |answers| {
            answers.change(&role_assignments(), |all| {
                let all = all["value"].as_array_mut().unwrap();
                let mut one = all.remove(2);
                for role in roles {
                    one["properties"]["roleDefinitionId"] = json!(role_id(role));
                    all.push(one.clone());
                }
            });
        })
    };
    let said = with(&[RECEIVER, SENDER]).await;
    assert_eq!(said.code, Some(0), "{}", said.stdout);
    check(&with(&[RECEIVER]).await, &["the app may not send to `commands`"]);
}

#[tokio::test]
async fn queues_are_looked_at() {
    let said = after(|answers| {
        answers.change(&queue_path("commands"), |queue| {
            queue["properties"]["requiresDuplicateDetection"] = json!(false);
        });
        answers.refuse(&queue_path("rejected"), 404, "ResourceNotFound");
    })
    .await;
    check(&said, &["does not detect duplicates", "there is no queue `rejected`"]);
}

#[tokio::test]
async fn events_that_do_not_come_are_found() {
    let said = after(|answers| {
        answers.put(&event_subscriptions(), json!({ "value": [] }));
    })
    .await;
    check(&said, &[&format!("no event of {SUB} is delivered here")]);
    let said = after(|answers| {
        answers.change(&event_subscriptions(), |all| {
            let filters = &mut all["value"][0]["properties"]["filter"]["advancedFilters"];
            filters[1]["values"].as_array_mut().unwrap().truncate(4);
        });
    })
    .await;
    check(&said, &["leaves out Microsoft.Resources/tags/write, Microsoft.Resources/tags/delete"]);
}

#[tokio::test]
async fn events_may_lead_to_the_function() {
    let said = after(|answers| {
        answers.change(&event_subscriptions(), |all| {
            let properties = &mut all["value"][0]["properties"];
            properties["deliveryWithResourceIdentity"] = Value::Null;
            properties["destination"] = json!({ "properties": {
                "resourceId": format!("{}/functions/resource-changed", app_id()),
            } });
        });
    })
    .await;
    assert_eq!(said.code, Some(0), "{}", said.stdout);
}

#[tokio::test]
async fn what_may_not_be_read_is_not_called_right() {
    let said = after(|answers| {
        answers.refuse(&event_subscriptions(), 403, "AuthorizationFailed");
        answers.refuse(&format!("{}/functions", app_id()), 403, "AuthorizationFailed");
    })
    .await;
    check(&said, &["the list of its functions could not be read", "the system topics of"]);
    assert!(said.stdout.contains("needs Reader here"), "{}", said.stdout);
    let said = after(|answers| answers.refuse(&settings_path(), 403, "AuthorizationFailed")).await;
    assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""));
    assert!(said.stderr.contains("it takes Website Contributor"), "{}", said.stderr);
}

#[tokio::test]
async fn registries_of_one_group_are_enough_to_write_in() {
    let said = after(|answers| {
        answers.change(&role_assignments(), |all| {
            all["value"][1]["properties"]["scope"] = json!(GROUP);
        });
    })
    .await;
    assert_eq!(said.code, Some(0), "{}", said.stdout);
    assert!(said.stdout.contains("and no other, at "), "{}", said.stdout);
}

#[tokio::test]
async fn roles_that_tether_does_not_need_are_found_in_whatever_scope() {
    let with = |actions: Value, data: Value| {
        after(move |answers| {
            let id = "/providers/microsoft.authorization/roledefinitions/more";
            let permissions = json!([{ "actions": actions, "dataActions": data }]);
            let role = json!({ "roleName": "More", "permissions": permissions });
            answers.put(id, json!({ "properties": role }));
            answers.change(&role_assignments(), |all| {
                let held = json!({ "properties": { "roleDefinitionId": id, "scope": GROUP } });
                all["value"].as_array_mut().unwrap().push(held);
            });
        })
    };
    let said = with(json!(["*"]), json!([])).await;
    let words = [
        "it may assign any role to anyone at",
        "beside its right in single groups",
        "the role `More` at /subscriptions/",
    ];
    check(&said, &words);
    let said = with(json!([]), json!(["Microsoft.KeyVault/vaults/secrets/getSecret/action"])).await;
    check(&said, &["the role `More` at /subscriptions/"]);
    let said = with(json!(["*/read"]), json!([])).await;
    assert_eq!(said.code, Some(0), "{}", said.stdout);
    assert!(said.stdout.contains("note   the role `More`"), "{}", said.stdout);
}

#[tokio::test]
async fn rights_of_the_topic_are_looked_at() {
    let without = |index: usize| {
        after(move |answers| {
            answers.change(&topic_roles(), |all| {
                all["value"].as_array_mut().unwrap().remove(index);
            });
        })
    };
    check(&without(0).await, &["may not send to the queue"]);
    check(&without(1).await, &["may not write to `dead-events`"]);
}
