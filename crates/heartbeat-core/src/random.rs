//! The one place that random numbers come from. Everything else is given them, so that a simulation replays exactly.

/// Gives random numbers.
pub trait Random: Send + Sync {
    /// A random number.
    fn next(&self) -> u64;
}

/// The randomness of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl SystemRandom {
    /// 256 bits for a secret, from the operating system's generator.
    pub fn secret(self) -> [u8; 32] {
        rand::random()
    }
}

impl Random for SystemRandom {
    fn next(&self) -> u64 {
        rand::random()
    }
}
