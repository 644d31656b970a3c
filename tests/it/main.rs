//! Black-box tests: one binary.

mod vendor_page;
