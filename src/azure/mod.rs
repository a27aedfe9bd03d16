//! Eyes and hands: everything that is said to Azure, and what its answers mean.
//!
//! This room reads and writes what it is told to. What should be there is not known here.

mod endpoint;

pub use endpoint::{Cloud, CloudError, Endpoint, EndpointError, Endpoints};
