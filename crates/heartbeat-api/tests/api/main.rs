//! The API by its front door: in process through the router, and over a socket where bytes matter, over the real store.

mod errors;
mod floods;
mod installation;
mod keys;
mod management;
mod outages;
mod pings;
mod properties;
mod refusals;
mod secrets;
mod sockets;
mod weather;
