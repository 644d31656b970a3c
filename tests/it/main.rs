//! Black-box tests: one binary.

mod fan_out;
mod selftest;
mod vendor_page;
