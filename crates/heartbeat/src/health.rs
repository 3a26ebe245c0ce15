//! `heartbeat-api health`: whether the API on this machine answers. For containers, which have no `curl` to ask with.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, bail};

use crate::{config::Config, say};

/// Longer than any honest answer takes, shorter than any health check waits.
const TIME_OUT: Duration = Duration::from_secs(2);

/// Asks; an error is exit code 1.
pub(crate) async fn check(config: &Config) -> anyhow::Result<()> {
    let address = reachable(config.bind);
    let client = reqwest::Client::builder().no_proxy().timeout(TIME_OUT).build()?;
    let url = format!("http://{address}/healthz");
    let status = client.get(&url).send().await.with_context(|| format!("{url} does not answer"))?.status();
    if !status.is_success() {
        bail!("{url} answers {status}");
    }
    Ok(say("healthy")?)
}

/// Who listens everywhere is asked on the loopback.
fn reachable(bind: SocketAddr) -> SocketAddr {
    let ip = match bind.ip() {
        ip if !ip.is_unspecified() => ip,
        ip if ip.is_ipv4() => std::net::Ipv4Addr::LOCALHOST.into(),
        _ => std::net::Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, bind.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_everywhere_is_asked_on_the_loopback() {
        for (bind, asked) in
            [("0.0.0.0:3000", "127.0.0.1:3000"), ("[::]:80", "[::1]:80"), ("192.0.2.1:3000", "192.0.2.1:3000")]
        {
            assert_eq!(reachable(bind.parse().unwrap()).to_string(), asked);
        }
    }
}
