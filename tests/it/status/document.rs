//! The JSON: what is sent is what the schema says.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;
use tether::emulator::azure::AssignmentSpec;
use uuid::Uuid;

use super::{pairs, shown, status};
use crate::corridor::{ACR_PULL, cluster, policy, registry, start};

fn file() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("infra/status.schema.json")
}

#[test]
fn the_schema_in_infra_is_that_of_the_code() {
    let schema = tether::functions::status::schema();
    #[expect(clippy::disallowed_methods, reason = "a switch of this test alone")]
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(file(), &schema).unwrap();
    }
    assert_eq!(fs::read_to_string(file()).unwrap_or_default(), schema);
}

/// Every name of a field that stands anywhere in a value, fields of tags apart
fn fields<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                found.insert(name);
                if name != "tags" {
                    fields(member, found);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| fields(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test]
async fn what_is_sent_is_what_the_schema_says() {
    let world = start(shown(&policy())).await;
    let tagged = |name| cluster(name).tag("acr-attach", "auto").tag("team", "shop");
    let shop = world.azure.create_cluster(&tagged("aks-shop")).unwrap();
    world.azure.create_cluster(&cluster("aks-other")).unwrap();
    let shelf = registry("acrshop").tag("acr-attach", "auto").tag("team", "shop");
    let acr = world.azure.create_registry(&shelf).unwrap();
    world
        .azure
        .create_registry(&registry("acrnew").tag("acr-attach", "auto").tag("team", "shop").abac())
        .unwrap();
    let principal = world.azure.kubelet_principal(&shop).unwrap();
    let foreign = AssignmentSpec::new(Uuid::from_u128(1), &acr, ACR_PULL, principal);
    world.azure.assign(&foreign).unwrap();
    let told = status(&world).await;
    assert_eq!(pairs(&told), ["aks-shop acrnew missing", "aks-shop acrshop foreign"]);
    let schema: Value = serde_json::from_str(&tether::functions::status::schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let problems: Vec<_> = validator.iter_errors(&told).map(|error| error.to_string()).collect();
    assert_eq!(problems, Vec::<String>::new());
    let (mut sent, text) = (BTreeSet::new(), schema.to_string());
    fields(&told, &mut sent);
    let unsaid: Vec<_> =
        sent.iter().filter(|name| !text.contains(&format!("\"{name}\":"))).collect();
    assert_eq!(unsaid, Vec::<&&str>::new(), "the schema does not say what these are");
    assert!(sent.len() > 30, "{sent:?}");
    let mut wrong = told.clone();
    wrong["pairs"][0]["state"] = "perhaps".into();
    assert!(!validator.is_valid(&wrong), "the schema lets everything through");
}
