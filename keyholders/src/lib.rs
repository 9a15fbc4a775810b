//! People and devices.
