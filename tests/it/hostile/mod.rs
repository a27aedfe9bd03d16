//! What people may try who can write a tag, an event or a command, or reach the handler's port, and
//! what it comes to. SECURITY.md says which claim each of these tests proves.

mod look_alikes;
