//! Resource ids and scopes: what is taken for an id is exactly that, also in an address.

use tether::model::{ClusterId, RegistryId, ResourceId, Scope, SubscriptionId};
use url::Url;

use super::check_text;

/// The longest refusal: the text twice, cut, and the words around it
const LONGEST: usize = 1_000;

/// A text that should name a resource or a scope
pub fn resource_id(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match text.parse::<ResourceId>() {
        Ok(id) => {
            let kinds = (text.parse::<ClusterId>().is_ok(), text.parse::<RegistryId>().is_ok());
            let is_cluster = matches!(id, ResourceId::Cluster(_));
            assert_eq!(kinds, (is_cluster, !is_cluster), "{text:?}");
            check_id(&id);
        }
        Err(error) => check_text(&error.to_string(), LONGEST),
    }
    if let Ok(id) = text.parse::<SubscriptionId>() {
        assert_eq!(id.to_string().parse(), Ok(id));
    }
    match text.parse::<Scope>() {
        Ok(scope) => assert_eq!(scope.to_string().parse(), Ok(scope)),
        Err(error) => {
            check_text(&error.to_string(), LONGEST);
        }
    }
}

fn check_id(id: &ResourceId) {
    let shown = id.to_string();
    check_text(&shown, 2_000);
    assert_eq!(shown.parse().as_ref(), Ok(id));
    for spelling in [shown.to_ascii_uppercase(), shown.to_ascii_lowercase()] {
        assert_eq!(spelling.parse().as_ref(), Ok(id), "{spelling:?}");
    }
    // What is another text to Azure is another id here: no letter passes for an ASCII one.
    let key = match id {
        ResourceId::Cluster(id) => id.key(),
        ResourceId::Registry(id) => id.key(),
    };
    assert_eq!(key.chars().count(), shown.chars().count(), "{shown:?}");
    for (letter, folded) in shown.chars().zip(key.chars()) {
        assert_eq!(letter.is_ascii(), folded.is_ascii(), "{letter:?} became {folded:?}");
    }
    // In an address it stays one path of eight segments, and nothing else.
    let mut address = Url::parse("https://127.0.0.1/").unwrap();
    address.set_path(&shown);
    assert_eq!(address.path_segments().unwrap().count(), 8, "{address}");
    assert_eq!((address.query(), address.fragment()), (None, None), "{address}");
    let is_plain = shown.is_ascii();
    assert!(!is_plain || address.path() == shown, "{address}");
    assert!(!shown.contains(['\'', '"', '|', '%', '?', '#', '\\', '<', '>']), "{shown:?}");
}
