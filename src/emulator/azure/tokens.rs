//! Tokens: the managed identity endpoint of App Service and Entra's token endpoint.
//!
//! A token looks like a JWT, is signed by nobody and expires in the far future by the wall clock,
//! which this world does not know. Who may do what is decided elsewhere.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use uuid::Uuid;

use super::answer::{Answer, Answered};
use super::request::Asked;
use super::rights::Caller;
use super::world::World;

/// The bearer token of the person who may do everything
pub(super) const PERSON_TOKEN: &str = "person";

/// 2099-01-01: the SDKs compare with the wall clock.
const EXPIRES_ON: u64 = 4_070_908_800;

/// The audiences that ARM accepts
const ARM: [&str; 2] = ["https://management.azure.com", "https://management.core.windows.net"];

/// Audience of every token that was given and not revoked
#[derive(Default)]
pub(super) struct Tokens(BTreeMap<String, String>);

impl Tokens {
    pub(super) fn revoke(&mut self) {
        self.0.clear();
    }
}

impl World {
    /// Who sends this request, if its token is good for ARM
    pub(super) fn authenticate(&self, asked: &Asked) -> Result<Caller, Answer> {
        let token = asked.bearer().ok_or_else(|| {
            self.unauthenticated(
                "AuthenticationFailed",
                "Authentication failed. The 'Authorization' header is missing.",
            )
        })?;
        if token == PERSON_TOKEN {
            return Ok(self.person_caller());
        }
        let audience = self.tokens.0.get(token).ok_or_else(|| {
            self.unauthenticated("InvalidAuthenticationToken", "The access token is invalid.")
        })?;
        if ARM.contains(&audience.as_str()) {
            return Ok(self.identity_caller());
        }
        Err(self.unauthenticated(
            "InvalidAuthenticationTokenAudience",
            &format!(
                "The access token has been obtained for wrong audience or resource '{audience}'. It \
                 should exactly match one of the allowed audiences '{}/'.",
                ARM.join("/','")
            ),
        ))
    }

    fn unauthenticated(&self, code: &str, message: &str) -> Answer {
        let authority = format!("https://login.microsoftonline.com/{}", self.options.tenant);
        let challenge = format!(
            "Bearer authorization_uri=\"{authority}\", error=\"invalid_token\", \
             error_description=\"{message}\""
        );
        Answer::refused(401, code, message).with("WWW-Authenticate", challenge)
    }

    /// `IDENTITY_ENDPOINT` of App Service and Functions
    pub(super) fn managed_identity_token(&mut self, asked: &Asked, secret: &str) -> Answered {
        if asked.header("x-identity-header") != Some(secret) {
            let message = "The X-IDENTITY-HEADER is missing or wrong.";
            return Err(Answer::json(401, json!({"statusCode": 401, "message": message})));
        }
        let bad = |message: &str| Answer::json(400, json!({"statusCode": 400, "message": message}));
        let resource = asked.parameter("resource").ok_or_else(|| bad("No resource was given."))?;
        let identity = self.options.identity;
        let wanted = |parameter, id: Uuid| {
            asked
                .parameter(parameter)
                .is_none_or(|wanted| wanted.eq_ignore_ascii_case(&id.to_string()))
        };
        let known =
            wanted("client_id", identity.client_id) && wanted("object_id", identity.principal_id);
        if !known {
            return Err(bad("No managed identity was found with the given id."));
        }
        Ok(Answer::json(
            200,
            json!({
                "access_token": self.issue(&resource),
                // A string, as App Service sends it.
                "expires_on": EXPIRES_ON.to_string(),
                "resource": resource,
                "token_type": "Bearer",
                "client_id": identity.client_id,
            }),
        ))
    }

    /// The client credentials flow of Entra
    pub(super) fn entra_token(&mut self, asked: &Asked, tenant: &str) -> Answered {
        if asked.method != "POST" {
            return Err(entra_refusal(405, "invalid_request", "AADSTS900561: only POST."));
        }
        if !tenant.eq_ignore_ascii_case(&self.options.tenant.to_string()) {
            let description = format!("AADSTS90002: Tenant '{tenant}' not found.");
            return Err(entra_refusal(400, "invalid_request", &description));
        }
        let client = self.options.identity.client_id.to_string();
        if !asked.field("client_id").is_some_and(|id| id.eq_ignore_ascii_case(&client)) {
            let description = "AADSTS700016: Application was not found in the directory.";
            return Err(entra_refusal(400, "unauthorized_client", description));
        }
        if asked.field("client_secret").or_else(|| asked.field("client_assertion")).is_none() {
            let description = "AADSTS7000218: client_assertion or client_secret is missing.";
            return Err(entra_refusal(401, "invalid_client", description));
        }
        let scope = asked.field("scope").unwrap_or_default();
        let Some(resource) = scope.strip_suffix("/.default") else {
            let description = "AADSTS1002012: The provided value for scope is not valid.";
            return Err(entra_refusal(400, "invalid_scope", description));
        };
        Ok(Answer::json(
            200,
            json!({
                "token_type": "Bearer",
                "expires_in": 86399,
                "ext_expires_in": 86399,
                "access_token": self.issue(resource),
            }),
        ))
    }

    fn issue(&mut self, resource: &str) -> String {
        let audience = resource.trim_end_matches('/');
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let serial = self.next_serial();
        let claims = json!({
            "aud": audience,
            "iss": format!("https://sts.windows.net/{}/", self.options.tenant),
            "exp": EXPIRES_ON,
            "appid": self.options.identity.client_id,
            "oid": self.options.identity.principal_id,
            "tid": self.options.tenant,
            "uti": serial,
        });
        let header = json!({"typ": "JWT", "alg": "none"});
        let token = format!("{}.{}.pretend", part(&header), part(&claims));
        self.tokens.0.insert(token.clone(), audience.to_owned());
        token
    }
}

fn entra_refusal(status: u16, error: &str, description: &str) -> Answer {
    Answer::json(status, json!({"error": error, "error_description": description}))
}
