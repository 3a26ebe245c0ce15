//! Where the secrets of channels are kept: with the channel, in the environment of this process, or in SSM. They are read
//! anew each time, and only what a channel may name is read at all.

use async_trait::async_trait;
use heartbeat_core::{
    channel::secret::{Secret, SecretError, SecretReader},
    dynamo::{ParameterError, Parameters, Wire},
};
use tokio::sync::OnceCell;

use crate::variables;

/// Reads the secrets of channels. SSM is opened by the first who needs it: most installations have nothing there.
#[derive(Debug, Default)]
pub(crate) struct OfChannels {
    wire: Option<Wire>,
    ssm: OnceCell<Parameters>,
}

impl OfChannels {
    /// SSM is spoken to over `wire`, or over one of its own.
    pub(crate) fn over(wire: Option<&Wire>) -> Self {
        Self { wire: wire.cloned(), ssm: OnceCell::new() }
    }

    async fn of_ssm(&self, name: &str) -> Result<String, SecretError> {
        let open = async || Parameters::open(&self.wire.clone().unwrap_or_default()).await;
        let opened = self.ssm.get_or_try_init(open).await;
        let ssm = opened.map_err(|error| SecretError::Setting(format!("ssm:{name}: {error}")))?;
        let [value] = ssm.read([name]).await.map_err(|error| match error {
            ParameterError::Missing(_) | ParameterError::Refused(_) => SecretError::Setting(error.to_string()),
            ParameterError::Unavailable(text) => SecretError::Unavailable(text),
        })?;
        Ok(value)
    }
}

#[async_trait]
impl SecretReader for OfChannels {
    async fn read(&self, secret: &Secret) -> Result<String, SecretError> {
        // What was checked when it was stored may have been stored by somebody else.
        match secret.clone().checked().map_err(|error| SecretError::Setting(error.to_string()))? {
            Secret::Value(value) => Ok(value),
            Secret::Env(name) => of_environment(&name, &variables::from_environment),
            Secret::Ssm(name) => self.of_ssm(&name).await,
        }
    }
}

fn of_environment(name: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, SecretError> {
    let value = lookup(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
    value.ok_or_else(|| {
        SecretError::Setting(format!(
            "the environment variable {name} is not set here: set it for whoever sends alerts"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_value_is_itself_and_what_no_channel_may_name_is_not_read() {
        let secrets = OfChannels::default();
        assert_eq!(secrets.read(&Secret::Value("hunter2".to_owned())).await.as_deref(), Ok("hunter2"));
        for secret in [Secret::Env("PATH".to_owned()), Secret::Ssm("/other/team".to_owned())] {
            assert!(matches!(secrets.read(&secret).await, Err(SecretError::Setting(_))), "{secret:?}");
        }
        assert!(!format!("{secrets:?}").contains("hunter2"));
    }

    #[test]
    fn a_variable_that_is_not_set_is_named() {
        let set = |name: &str| (name == "HEARTBEAT_SECRET_A").then(|| " hunter2\n".to_owned());
        assert_eq!(of_environment("HEARTBEAT_SECRET_A", &set).as_deref(), Ok("hunter2"));
        let error = of_environment("HEARTBEAT_SECRET_B", &set).unwrap_err().to_string();
        assert!(error.contains("HEARTBEAT_SECRET_B is not set"), "{error}");
        assert!(of_environment("HEARTBEAT_SECRET_C", &|_| Some(" ".to_owned())).is_err());
    }
}
