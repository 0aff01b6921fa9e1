//! plantfile
