//! The status page in a browser: the real executable under the host stand-in, against the pretend
//! Azure, looked at in Chromium. Run by `cargo test --test page`, which needs Debian's packages
//! `chromium` and `chromium-driver`. `TETHER_SCREENSHOTS` names a folder for pictures of the page.

#[cfg(test)]
mod again;
#[cfg(test)]
mod browser;
#[cfg(test)]
#[expect(dead_code, reason = "`it` uses the rest")]
#[path = "../it/estate.rs"]
mod estate;
#[cfg(test)]
#[path = "../it/estate_host.rs"]
mod estate_host;
#[cfg(test)]
mod filters;
#[cfg(test)]
mod large;
#[cfg(test)]
mod looks;
#[cfg(test)]
#[path = "../it/person.rs"]
mod person;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod safety;
#[cfg(test)]
mod story;
#[cfg(test)]
#[path = "../it/told.rs"]
mod told;
#[cfg(test)]
mod worlds;
