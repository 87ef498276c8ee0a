//! Lets the linker leave the symbols of Node.js open.

fn main() {
    napi_build::setup();
}
