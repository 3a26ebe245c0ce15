//! `heartbeat-api health`: whether the API on this machine answers. For containers, which have no `curl` to ask with.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, bail};
use http_body_util::Empty;
use hyper::{
    Request, StatusCode,
    body::Bytes,
    client::conn::http1::handshake,
    header::{CONNECTION, HOST},
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};

use crate::{config::Config, say};

/// Longer than any honest answer takes, shorter than any health check waits.
const TIME_OUT: Duration = Duration::from_secs(2);

/// Asks; an error is exit code 1.
pub(crate) async fn check(config: &Config) -> anyhow::Result<()> {
    let address = reachable(config.bind);
    let asked = timeout(TIME_OUT, ask(address)).await;
    let status = asked.map_err(anyhow::Error::from).flatten().with_context(|| format!("{address} does not answer"))?;
    if !status.is_success() {
        bail!("{address} answers {status}");
    }
    Ok(say("healthy")?)
}

/// One request over one connection: by the API's own HTTP library, for another client would double the binary's.
async fn ask(address: SocketAddr) -> anyhow::Result<StatusCode> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    let request = Request::get("/healthz").header(HOST, address.to_string()).header(CONNECTION, "close");
    let answer = sender.send_request(request.body(Empty::<Bytes>::new())?);
    let (answer, _) = tokio::join!(answer, connection);
    Ok(answer?.status())
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
