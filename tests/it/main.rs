//! Black-box tests: one binary.

mod doctor;
mod fan_out;
mod known_delays;
mod vendor_page;
