//! Eduline, the program.

fn main() -> std::process::ExitCode {
    eduline::main()
}
