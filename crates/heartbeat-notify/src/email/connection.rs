//! The connection to a mail server: to an address that was checked, encrypted before anything of ours is said, and deaf to
//! a server that never ends a line.

use std::{
    fmt, io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use lettre::{
    Address,
    transport::smtp::{
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, AsyncTokioStream},
        commands::{Data, Mail, Rcpt},
        extension::{ClientId, Extension, MailParameter},
    },
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, ReadBuf},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::failure::{Failure, Step};
use crate::network::Guard;

/// How long one address may take to be connected to: there may be another.
const CONNECT_TIME_OUT: Duration = Duration::from_secs(5);
/// The most that is read of a server in one connection: lettre reads a long reply again from its start at every line.
const MAX_READ: usize = 8 * 1_024;
/// What a connection begins with that has had its greeting before it was encrypted: lettre waits for one.
const GREETED: &[u8] = b"220 encrypted\r\n";

/// How the connection is encrypted.
pub(super) enum Encryption {
    None,
    Starttls(Arc<ClientConfig>),
    Implicit(Arc<ClientConfig>),
}

/// A mail server.
pub(super) struct Server {
    host: String,
    port: u16,
    encryption: Encryption,
    guard: Guard,
}

/// A mail server that has greeted us.
pub(super) struct Connection(AsyncSmtpConnection);

/// The TLS that trusts `pem`, or whom Mozilla trusts.
pub(super) fn trusting(pem: Option<&str>) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    match pem {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(pem) => {
            let wrong = "this is not a certificate in PEM: it begins with -----BEGIN CERTIFICATE-----";
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                let added = certificate.map(|certificate| roots.add(certificate));
                added.map_err(|_| wrong.to_owned())?.map_err(|_| wrong.to_owned())?;
            }
            if roots.is_empty() {
                return Err(wrong.to_owned());
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| format!("no TLS can be had on this machine: {error}"))?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

impl Server {
    pub(super) fn new(host: String, port: u16, encryption: Encryption, guard: Guard) -> Self {
        Self { host, port, encryption, guard }
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Connects, encrypts, and greets as `domain`.
    pub(super) async fn connect(&self, domain: &str) -> Result<Connection, Failure> {
        let tcp = self.reach().await?;
        let peer = tcp.peer_addr().map_err(|error| self.broken(&error))?;
        let stream: Box<dyn AsyncTokioStream> = match &self.encryption {
            Encryption::None => Box::new(Heard::new(tcp, peer, b"")),
            Encryption::Implicit(tls) => Box::new(Heard::new(self.encrypt(tls, tcp).await?, peer, b"")),
            Encryption::Starttls(tls) => {
                let tcp = self.ask_to_encrypt(tcp, domain).await?;
                Box::new(Heard::new(self.encrypt(tls, tcp).await?, peer, GREETED))
            }
        };
        let connected = AsyncSmtpConnection::connect_with_transport(stream, &ClientId::Domain(domain.to_owned())).await;
        connected.map(Connection).map_err(|error| Failure::of(Step::Connection, "the connection", &error))
    }

    async fn reach(&self) -> Result<TcpStream, Failure> {
        let addresses = self.guard.addresses(&self.host, self.port).await;
        let addresses = addresses.map_err(|error| Failure::unreachable(&error))?;
        let mut last = "it has no address".to_owned();
        for address in addresses {
            match timeout(CONNECT_TIME_OUT, TcpStream::connect(address)).await {
                Ok(Ok(tcp)) => return Ok(tcp),
                Ok(Err(error)) => last = error.to_string(),
                Err(_) => "it does not answer".clone_into(&mut last),
            }
        }
        Err(Failure::new(Step::Connection, format!("cannot reach {}:{}: {last}", self.host, self.port)))
    }

    /// Everything that is said before the connection is encrypted. Nothing in it is believed but that encryption may begin,
    /// and nothing that came with it is taken over into what is encrypted.
    async fn ask_to_encrypt(&self, tcp: TcpStream, domain: &str) -> Result<TcpStream, Failure> {
        let mut plain = BufReader::new(tcp);
        self.expect(&mut plain, "the connection", 220).await?;
        self.say(&mut plain, &format!("EHLO {domain}\r\n")).await?;
        let extensions = self.expect(&mut plain, "the connection", 250).await?;
        if !extensions
            .lines()
            .any(|line| line.get(4..).is_some_and(|word| word.trim().eq_ignore_ascii_case("STARTTLS")))
        {
            let text = format!("{} offers no encryption (STARTTLS) on port {}", self.host, self.port);
            return Err(Failure::new(Step::Connection, text));
        }
        self.say(&mut plain, "STARTTLS\r\n").await?;
        self.expect(&mut plain, "encryption", 220).await?;
        if !plain.buffer().is_empty() {
            return Err(Failure::new(Step::Connection, "the mail server says more before it is encrypted than it may"));
        }
        Ok(plain.into_inner())
    }

    async fn say(&self, plain: &mut BufReader<TcpStream>, line: &str) -> Result<(), Failure> {
        plain.write_all(line.as_bytes()).await.map_err(|error| self.broken(&error))
    }

    /// A reply of this code, its lines together.
    async fn expect(&self, plain: &mut BufReader<TcpStream>, what: &str, code: u16) -> Result<String, Failure> {
        let (mut lines, mut from) = (Vec::new(), 0);
        let mut limited = plain.take(MAX_READ as u64);
        loop {
            let read = limited.read_until(b'\n', &mut lines).await.map_err(|error| self.broken(&error))?;
            let line = lines.get(from..).unwrap_or_default();
            if read == 0 || !line.ends_with(b"\n") {
                return Err(Failure::new(Step::Connection, "the mail server's answer is not SMTP"));
            }
            if line.get(3) != Some(&b'-') {
                break;
            }
            from = lines.len();
        }
        let said = String::from_utf8_lossy(&lines).into_owned();
        match said.get(..3).and_then(|digits| digits.parse::<u16>().ok()) {
            Some(replied) if replied == code => Ok(said),
            Some(replied) => {
                let reply = said.get(4..).unwrap_or_default();
                Err(Failure::replied(Step::Connection, what, replied, reply))
            }
            None => Err(Failure::new(Step::Connection, "the mail server's answer is not SMTP")),
        }
    }

    async fn encrypt(
        &self,
        tls: &Arc<ClientConfig>,
        tcp: TcpStream,
    ) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Failure> {
        let refused = |why: &str| Failure::new(Step::Connection, format!("no encryption with {}: {why}", self.host));
        let name = ServerName::try_from(self.host.clone()).map_err(|_| refused("this is not the name of a server"))?;
        TlsConnector::from(Arc::clone(tls)).connect(name, tcp).await.map_err(|error| refused(&error.to_string()))
    }

    fn broken(&self, error: &io::Error) -> Failure {
        Failure::new(Step::Connection, format!("the connection to {} broke: {error}", self.host))
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encryption = match self.encryption {
            Encryption::None => "none",
            Encryption::Starttls(_) => "starttls",
            Encryption::Implicit(_) => "implicit",
        };
        write!(f, "{}:{} ({encryption})", self.host, self.port)
    }
}

impl Connection {
    pub(super) async fn authenticate(&mut self, credentials: &Credentials) -> Result<(), Failure> {
        let authenticated = self.0.auth(&[Mechanism::Plain, Mechanism::Login], credentials).await;
        authenticated
            .map(|_| ())
            .map_err(|error| Failure::of(Step::Authentication, "the username and password", &error))
    }

    /// Hands one message over. What the server has taken is its own to deliver.
    pub(super) async fn send(&mut self, from: &Address, to: &Address, message: &[u8]) -> Result<(), Failure> {
        let refused = |what| move |error: lettre::transport::smtp::Error| Failure::of(Step::Message, what, &error);
        let international = !(AsRef::<str>::as_ref(from).is_ascii() && AsRef::<str>::as_ref(to).is_ascii());
        if international && !self.0.server_info().supports_feature(Extension::SmtpUtfEight) {
            return Err(Failure::new(Step::Message, "the mail server takes no addresses with letters beyond A to Z"));
        }
        let parameters = if international { vec![MailParameter::SmtpUtfEight] } else { Vec::new() };
        self.0.command(Mail::new(Some(from.clone()), parameters)).await.map_err(refused("the sender"))?;
        self.0.command(Rcpt::new(to.clone(), Vec::new())).await.map_err(refused("the recipient"))?;
        self.0.command(Data).await.map_err(refused("the message"))?;
        self.0.message(message).await.map_err(refused("the message"))?;
        Ok(())
    }

    /// Says goodbye.
    pub(super) async fn quit(mut self) {
        let _ = self.0.quit().await;
    }
}

/// A stream that is heard to a limit, after a beginning of ours.
struct Heard<S> {
    stream: S,
    peer: SocketAddr,
    beginning: &'static [u8],
    left: usize,
}

impl<S> Heard<S> {
    fn new(stream: S, peer: SocketAddr, beginning: &'static [u8]) -> Self {
        Self { stream, peer, beginning, left: MAX_READ }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Heard<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.beginning.is_empty() {
            let (now, later) = self.beginning.split_at(self.beginning.len().min(buf.remaining()));
            buf.put_slice(now);
            self.beginning = later;
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        let heard = buf.filled().len() - before;
        if heard > self.left {
            return Poll::Ready(Err(io::Error::other("it talks without end")));
        }
        self.left -= heard;
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Heard<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S> fmt::Debug for Heard<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heard").field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> AsyncTokioStream for Heard<S> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}
