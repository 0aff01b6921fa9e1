//! back-ssh
