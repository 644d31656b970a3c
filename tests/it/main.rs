//! Black-box tests: one binary.

mod fan_out;
mod readme;
mod vendor_page;
