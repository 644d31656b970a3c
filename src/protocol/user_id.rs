//! User ids: `usr` and a 64-bit number, printed in decimal by the PBX and in base64url by Tinode.
//! Source: protocol reference, sections 5 and 25.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The 64-bit number behind a user id. Zero is no user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(pub u64);

/// How a dialect prints the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserIdForm {
    /// `usr804252613548703744`
    Decimal,
    /// `usr` and 11 characters of base64url over the little-endian bytes.
    Base64Url,
}

impl UserId {
    /// Reads a wire name; `None` when it is not a user id of this form.
    pub fn parse(name: &str, form: UserIdForm) -> Option<UserId> {
        let rest = name.strip_prefix("usr")?;
        let number = match form {
            UserIdForm::Decimal => {
                let digits = rest.bytes().all(|byte| byte.is_ascii_digit());
                if !digits || rest.len() > 20 {
                    return None;
                }
                rest.parse().ok()?
            }
            UserIdForm::Base64Url => {
                let mut bytes = [0; 8];
                let read = URL_SAFE_NO_PAD.decode_slice(rest, &mut bytes).ok()?;
                if read != 8 {
                    return None;
                }
                u64::from_le_bytes(bytes)
            }
        };
        (number != 0).then_some(UserId(number))
    }

    /// Writes the wire name to the end of `out`.
    pub fn write(self, form: UserIdForm, out: &mut String) {
        use fmt::Write;
        match form {
            UserIdForm::Decimal => {
                let _ = write!(out, "usr{}", self.0);
            }
            UserIdForm::Base64Url => {
                out.push_str("usr");
                URL_SAFE_NO_PAD.encode_string(self.0.to_le_bytes(), out);
            }
        }
    }

    /// The wire name.
    pub fn name(self, form: UserIdForm) -> String {
        let mut name = String::with_capacity(24);
        self.write(form, &mut name);
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_round_trip() {
        for number in [1, 804_252_613_548_703_744, u64::MAX] {
            for form in [UserIdForm::Decimal, UserIdForm::Base64Url] {
                let name = UserId(number).name(form);
                assert_eq!(UserId::parse(&name, form), Some(UserId(number)), "{name}");
            }
        }
    }

    #[test]
    fn what_is_no_user_id_is_refused() {
        for name in ["usr", "usr0", "usr-1", "usr+1", "usr99999999999999999999", "grp1", "", "usr1 ", "usr１"] {
            assert_eq!(UserId::parse(name, UserIdForm::Decimal), None, "{name}");
        }
    }
}
