//! The part of Azure that tether looks after.

use uuid::Uuid;

use crate::model::SubscriptionId;

/// The part of Azure that is looked at
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Estate {
    /// The tenant. Resources that say they are in another one, which Azure Lighthouse shows, are
    /// left out.
    pub tenant: Option<Uuid>,
    /// The subscriptions
    pub subscriptions: Vec<SubscriptionId>,
    /// The id of a management group, looked at where no subscription is named. With neither,
    /// everything that can be read is looked at.
    pub management_group: Option<String>,
}

impl Estate {
    /// Whether a resource of this tenant is in the estate, as far as tenants go
    pub(super) fn holds(&self, tenant: Option<Uuid>) -> bool {
        match (self.tenant, tenant) {
            (Some(ours), Some(its)) => ours == its,
            (None, _) | (_, None) => true,
        }
    }
}
