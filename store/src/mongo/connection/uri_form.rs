//! The form of MongoDB's address, before the driver reads it. Nothing here shows more of it than names of options: it may
//! hold a password.

/// The address as the driver takes it, or what to write instead.
pub(crate) fn readable(text: &str) -> Result<String, String> {
    const FORM: &str = "write mongodb://host:27017/stock_management";
    let address = text.trim();
    if address.starts_with(['"', '\'']) {
        return Err(format!("it begins with a quote; leave out the quotes: {FORM}"));
    }
    let Some((scheme, rest)) = address.split_once("://") else {
        return Err(format!("it begins with neither mongodb:// nor mongodb+srv://; {FORM}"));
    };
    if !matches!(scheme, "mongodb" | "mongodb+srv") {
        let is_scheme = scheme.len() <= 20 && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+');
        let found = if is_scheme { format!("{scheme}:// is not MongoDB's") } else { "it has no scheme".to_owned() };
        return Err(format!("{found}; {FORM}"));
    }
    let (place, options) = rest.split_once('?').map_or((rest, None), |(place, options)| (place, Some(options)));
    let hosts = place.rsplit_once('@').map_or(place, |(_, hosts)| hosts);
    let hosts = hosts.split('/').next().unwrap_or_default();
    if hosts.contains(';') {
        return Err(
            "there is ';' between its hosts; separate them by commas, as in mongodb://a:27017,b:27017/stock_management"
                .into(),
        );
    }
    if hosts.contains(char::is_whitespace) {
        return Err(format!("there is a blank between its hosts; leave it out: {FORM}"));
    }
    let Some(options) = options else { return Ok(address.to_owned()) };
    let mut kept = Vec::new();
    for option in options.split('&').filter(|option| !option.is_empty()) {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        match name.to_ascii_lowercase().as_str() {
            // What tools write who let the server choose; that is what happens without it.
            "authmechanism" if value.eq_ignore_ascii_case("default") => {}
            "compressors" | "zlibcompressionlevel" => {
                return Err(format!(
                    "its option {name} is not supported: messages are not compressed; leave {name} out"
                ));
            }
            _ => kept.push(option),
        }
    }
    let options = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
    Ok(format!("{scheme}://{place}{options}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant_is_understood() {
        for (text, address) in [
            (" mongodb://h:1/db\n", "mongodb://h:1/db"),
            ("mongodb://u:p@h:1/db?authMechanism=DEFAULT", "mongodb://u:p@h:1/db"),
            ("mongodb://h/db?authMechanism=DEFAULT&tls=true", "mongodb://h/db?tls=true"),
            ("mongodb://h/db?tls=true&authmechanism=default", "mongodb://h/db?tls=true"),
            (
                "mongodb+srv://u:p@h/db?retryWrites=true&w=majority",
                "mongodb+srv://u:p@h/db?retryWrites=true&w=majority",
            ),
            ("mongodb://h/db?authMechanism=PLAIN", "mongodb://h/db?authMechanism=PLAIN"),
            ("mongodb://a:1,b:2/db", "mongodb://a:1,b:2/db"),
        ] {
            assert_eq!(readable(text).as_deref(), Ok(address));
        }
    }

    #[test]
    fn what_cannot_be_used_is_named_with_what_to_write() {
        for (text, words) in [
            ("mongodb://h/db?compressors=zstd", ["compressors", "leave compressors out"]),
            ("mongodb://h/db?tls=true&zlibCompressionLevel=3", ["zlibCompressionLevel", "leave"]),
            ("http://h:1/db", ["http://", "mongodb://host:27017/stock_management"]),
            ("h:1/db", ["neither mongodb://", "mongodb://host:27017/stock_management"]),
            ("mongodb://a:1;b:2/db", ["';'", "commas"]),
            ("\"mongodb://h:1/db\"", ["quote", "mongodb://host:27017/stock_management"]),
            ("mongodb://a:1, b:2/db", ["blank", "leave it out"]),
            ("shop:hunter2@h://x", ["no scheme", "mongodb://host:27017/stock_management"]),
        ] {
            let said = readable(text).expect_err(text);
            assert!(words.iter().all(|word| said.contains(word)) && !said.contains("hunter2"), "{text}: {said}");
        }
    }
}
