//! Black-box tests: one binary.

mod fan_out;
mod vendor_page;
