//! The contract of the store port: everything that it promises, as tests that run unchanged against every store.
