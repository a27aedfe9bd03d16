//! Pins whose cluster does not hold the identity any more: they go once the pin stands at the new
//! one, or the cluster is gone.

use super::decide::{Case, Wish};
use super::desire::Stance;
use super::{Detach, DetachReason, Plan};
use crate::model::{GrantKey, Mark, MarkKind, PrincipalId};

impl Case<'_> {
    /// Adds what follows for pins whose cluster does not hold this identity. Whether such a pin
    /// stands at the cluster's new identity is only known once everything else is decided; until it
    /// does, the old assignment is the only memory of it and stays.
    pub(super) fn retire_pins(&self, plan: &mut Plan) {
        if !matches!(self.desire.stance, Stance::Unwanted) || !self.pinned_clusters().is_empty() {
            return;
        }
        for grant in self.desire.found.iter().filter(|grant| self.is_ours(grant)) {
            let Some(mark) = Mark::read(&grant.description) else { continue };
            if mark.kind != MarkKind::Pin {
                continue;
            }
            let cluster = self.known.marked(mark.cluster);
            let principal = cluster.and_then(|cluster| cluster.identity.principal());
            let key = principal.and_then(|principal| self.honoured(principal));
            let follows = key.as_ref().map_or(Wish::Held, |key| self.pin_at(key, mark, plan));
            match follows.after() {
                Some(after) => {
                    let beside = key.filter(|_| after.is_none());
                    let detach = self.detach(grant, DetachReason::IdentityReplaced, after);
                    self.remove(grant, Detach { beside, ..detach }, plan);
                }
                None if cluster.is_none()
                    && self.may_live(mark).is_none()
                    && self.inventory.knows_all_clusters() =>
                {
                    self.remove(grant, self.detach(grant, DetachReason::ClusterGone, None), plan);
                }
                None => plan.kept.push(self.kept(grant, None, self.desire.holders)),
            }
        }
    }

    /// Whether this pin stands at this identity, or will once the plan is applied
    fn pin_at(&self, key: &GrantKey, pin: Mark, plan: &Plan) -> Wish {
        let is_pin = |description: &str| {
            Mark::read(description)
                .is_some_and(|mark| mark.kind == MarkKind::Pin && mark.cluster == pin.cluster)
        };
        let mut grants = self.inventory.grants.values();
        let there = grants
            .any(|grant| grant.key == *key && self.is_ours(grant) && is_pin(&grant.description));
        if there && plan.kept.iter().any(|kept| kept.grant == *key) {
            return Wish::Kept;
        }
        let mut attach = plan.attach.iter();
        let attach = attach.find(|attach| attach.grant == *key && is_pin(&attach.description));
        attach.map_or(Wish::Held, |attach| Wish::Planned(attach.name))
    }

    /// What an identity has to have here in order to pull
    fn honoured(&self, principal: PrincipalId) -> Option<GrantKey> {
        let role = self.desire.role().ok()?;
        Some(GrantKey { registry: self.desire.registry.id.clone(), principal, role })
    }
}
