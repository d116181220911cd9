//! A command or the options of a node, as from JavaScript: what decodes survives a round trip.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(command) = border::command(data) {
        let bytes = border::encode_command(&command);
        let again = border::command(&bytes).map(|command| border::encode_command(&command));
        assert_eq!(again, Ok(bytes));
    }
    if let Ok(options) = border::echo_options(data) {
        assert_eq!(border::echo_options(&options), Ok(options.clone()));
    }
});
