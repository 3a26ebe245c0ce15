//! Secrets that are kept in SSM Parameter Store, as `SecureString`s: read by name, never written, never shown.

use std::{fmt, time::Duration};

use aws_config::{BehaviorVersion, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_ssm::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::get_parameters::GetParametersError,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use thiserror::Error;

use super::{
    connect::{ConnectError, Wire},
    request::causes,
};

/// One attempt. SSM asks KMS for each value: slower than a table.
const ATTEMPT: Duration = Duration::from_secs(2);
/// All attempts.
const OPERATION: Duration = Duration::from_secs(5);
const ATTEMPTS: u32 = 3;

/// Why parameters could not be read. Each message names what to mend, and none a value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParameterError {
    /// There are none of these names.
    #[error("there is no SSM parameter {} in this region: make it, or name another one", .0.join(" and no "))]
    Missing(Vec<String>),
    /// A person must mend it.
    #[error("{0}")]
    Refused(String),
    /// It may be well again later.
    #[error("{0}")]
    Unavailable(String),
}

/// Reads parameters.
#[derive(Clone)]
pub struct Parameters(Client);

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Parameters").finish_non_exhaustive()
    }
}

impl Parameters {
    /// Region, credentials and endpoint come from the usual places of AWS, as those of the store do;
    /// `AWS_ENDPOINT_URL_SSM` names another place that speaks the protocol.
    pub async fn open(wire: &Wire) -> Result<Self, ConnectError> {
        let time_outs =
            TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT).operation_timeout(OPERATION).build();
        let loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(wire.0.clone())
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(time_outs);
        let config = loader.load().await;
        if config.region().is_none() {
            return Err(ConnectError::NoRegion);
        }
        Ok(Self(Client::new(&config)))
    }

    /// The values of `names`, in their order. All of them, or an error.
    pub async fn read<const N: usize>(&self, names: [&str; N]) -> Result<[String; N], ParameterError> {
        let asked = self.0.get_parameters().set_names(Some(names.map(str::to_owned).to_vec())).with_decryption(true);
        let answer = Box::pin(asked.send()).await.map_err(|error| explain(&error))?;
        let value = |name: &str| {
            let mut found = answer.parameters().iter();
            // A name may be asked for as an ARN, and is answered with its short form.
            found.find(|one| one.name() == Some(name) || one.arn() == Some(name)).and_then(|one| one.value())
        };
        let missing: Vec<String> = names.into_iter().filter(|name| value(name).is_none()).map(str::to_owned).collect();
        if missing.is_empty() {
            Ok(names.map(|name| value(name).unwrap_or_default().to_owned()))
        } else {
            Err(ParameterError::Missing(missing))
        }
    }
}

/// What went wrong, in one line that names what to mend.
fn explain(error: &SdkError<GetParametersError, HttpResponse>) -> ParameterError {
    if let Some(service) = error.as_service_error() {
        let (code, message) = (service.code().unwrap_or("unknown error"), service.message().unwrap_or_default());
        return explain_code(code, message);
    }
    let causes = causes(error);
    if causes.contains("credentials") {
        return ParameterError::Refused(format!(
            "no AWS credentials were found to read SSM parameters with: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, \
             or run where there is a role ({causes})"
        ));
    }
    if matches!(error, SdkError::TimeoutError(_)) {
        return ParameterError::Unavailable("SSM did not answer GetParameters in time".to_owned());
    }
    ParameterError::Unavailable(format!(
        "SSM could not be asked for GetParameters (is AWS_REGION right, and AWS_ENDPOINT_URL_SSM if it is set?): {causes}"
    ))
}

fn explain_code(code: &str, message: &str) -> ParameterError {
    match code {
        "AccessDeniedException" => {
            let text = format!("the policy of these credentials does not allow ssm:GetParameters: {message}");
            ParameterError::Refused(text)
        }
        "UnrecognizedClientException"
        | "InvalidSignatureException"
        | "IncompleteSignature"
        | "MissingAuthenticationToken"
        | "ExpiredTokenException" => {
            ParameterError::Refused(format!("AWS does not accept the credentials: {code}: {message}"))
        }
        "InvalidKeyId" => {
            let text = format!("the key that the parameters are encrypted with cannot be used: {message}");
            ParameterError::Refused(text)
        }
        "ValidationException" => ParameterError::Refused(format!("SSM refuses the names of the parameters: {message}")),
        "ThrottlingException" | "TooManyRequestsException" | "InternalServerError" => {
            ParameterError::Unavailable(format!("SSM does not answer just now: {code}: {message}"))
        }
        _ => ParameterError::Unavailable(format!("SSM refused GetParameters: {code}: {message}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_says_what_to_mend() {
        says(&ParameterError::Missing(vec!["/a".to_owned(), "/b".to_owned()]), "/a and no /b in this region");
        says(&explain_code("AccessDeniedException", "not authorized"), "does not allow ssm:GetParameters");
        says(&explain_code("ExpiredTokenException", "x"), "does not accept the credentials");
        says(&explain_code("InvalidKeyId", "x"), "encrypted with");
        assert!(matches!(explain_code("ThrottlingException", "x"), ParameterError::Unavailable(_)));
        assert!(matches!(explain_code("AccessDeniedException", "x"), ParameterError::Refused(_)));
    }

    fn says(error: &ParameterError, part: &str) {
        assert!(error.to_string().contains(part), "{error}");
    }
}
