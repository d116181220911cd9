//! The macros that read the tables. A row names its fields in their order, and then the Rust value
//! that they make, which is also the pattern that takes the value apart.

/// A struct whose fields cross one after the other. `=> { … }` gives other names in Rust.
macro_rules! record {
    ($(#[$meta:meta])* struct $type:ident { $($field:ident: $kind:ty),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug)]
        pub(crate) struct $type {
            $($field: $kind),+
        }

        record!($type { $($field: $kind),+ });
    };
    ($type:ident { $($field:ident: $kind:ty),+ $(,)? }) => {
        record!($type { $($field: $kind),+ } => { $($field),+ });
    };
    ($type:ident { $($field:ident: $kind:ty),+ $(,)? } => $like:tt) => {
        impl Shape for $type {
            fn shape() -> String {
                let fields = fields!($($field: $kind),+);
                format!("{{\"record\":\"{}\",\"fields\":{fields}}}", stringify!($type))
            }
        }

        impl Encode for $type {
            fn encode(&self, w: &mut Writer) {
                let $type $like = self;
                $(<$kind as Encode>::encode($field, w);)+
            }
        }

        impl Decode for $type {
            fn decode(r: &mut Reader<'_>) -> Result<Self, Malformed> {
                $(let $field = <$kind as Decode>::decode(r)?;)+
                Ok($type $like)
            }
        }

        impl Sample for $type {
            fn sample(random: &mut Random) -> Self {
                $(let $field = <$kind as Sample>::sample(random);)+
                $type $like
            }
        }
    };
}

/// An enum: its number, then the fields of its row. A test finds variants without a row.
macro_rules! choice {
    (both ways: $type:ident $rows:tt) => {
        choice!(@shape $type $rows);
        choice!(@encode $type $rows);
        choice!(@decode $type $rows);
    };
    (to JavaScript: $type:ident $rows:tt) => {
        choice!(@shape $type $rows);
        choice!(@encode $type $rows);
    };
    (@shape $type:ident { $($number:literal $name:ident { $($field:ident: $kind:ty),* $(,)? }
        => $variant:ident $like:tt,)+ }) => {
        impl Shape for $type {
            fn shape() -> String {
                let rows = [$(row!($number, $name, fields!($($field: $kind),*)),)+];
                format!("{{\"choice\":[{}]}}", rows.join(","))
            }
        }

        impl Choice for $type {
            const NUMBERS: &'static [u8] = &[$($number),+];
            #[cfg(test)]
            const VARIANTS: &'static [&'static str] = &[$(stringify!($variant)),+];

            fn sample_row(number: u8, random: &mut Random) -> Option<Self> {
                match number {
                    $($number => {
                        $(let $field = <$kind as Sample>::sample(random);)*
                        Some($type::$variant $like)
                    })+
                    _ => None,
                }
            }
        }

        impl Sample for $type {
            fn sample(random: &mut Random) -> Self {
                let number = random.pick(Self::NUMBERS);
                Self::sample_row(number, random).expect("a number of a row")
            }
        }
    };
    (@encode $type:ident { $($number:literal $name:ident { $($field:ident: $kind:ty),* $(,)? }
        => $variant:ident $like:tt,)+ }) => {
        impl Encode for $type {
            fn encode(&self, w: &mut Writer) {
                match self {
                    $($type::$variant $like => {
                        w.u8($number);
                        $(<$kind as Encode>::encode($field, w);)*
                    })+
                    #[allow(unreachable_patterns, reason = "of an enum that is not exhaustive")]
                    _ => {}
                }
            }
        }
    };
    (@decode $type:ident { $($number:literal $name:ident { $($field:ident: $kind:ty),* $(,)? }
        => $variant:ident $like:tt,)+ }) => {
        impl Decode for $type {
            fn decode(r: &mut Reader<'_>) -> Result<Self, Malformed> {
                match r.u8()? {
                    $($number => {
                        $(let $field = <$kind as Decode>::decode(r)?;)*
                        Ok($type::$variant $like)
                    })+
                    _ => Err(Malformed::UnknownValue),
                }
            }
        }
    };
}

/// An enum without fields, whose variants are strings in JavaScript.
macro_rules! words {
    ($type:ident { $($number:literal $name:ident => $variant:ident,)+ }) => {
        impl Shape for $type {
            fn shape() -> String {
                let words = [$(format!("\"{}\"", camel(stringify!($name))),)+];
                format!("{{\"word\":[{}]}}", words.join(","))
            }
        }

        impl Encode for $type {
            fn encode(&self, w: &mut Writer) {
                match self {
                    $($type::$variant => w.u8($number),)+
                };
            }
        }

        impl Decode for $type {
            fn decode(r: &mut Reader<'_>) -> Result<Self, Malformed> {
                match r.u8()? {
                    $($number => Ok($type::$variant),)+
                    _ => Err(Malformed::UnknownValue),
                }
            }
        }

        impl Sample for $type {
            fn sample(random: &mut Random) -> Self {
                random.pick(&[$($type::$variant),+])
            }
        }
    };
}

/// Counters of the core, each with its path in JavaScript.
macro_rules! counters {
    ($type:ident |$of:ident| { $($name:literal: $number:expr,)+ }) => {
        impl Shape for $type {
            fn shape() -> String {
                let fields = [$(format!("[\"{}\",\"uint\"]", $name)),+];
                let name = stringify!($type);
                format!("{{\"record\":\"{name}\",\"fields\":[{}]}}", fields.join(","))
            }
        }

        impl Encode for $type {
            fn encode(&self, w: &mut Writer) {
                let $of = self;
                $(w.uint($number);)+
            }
        }

        impl Decode for $type {
            fn decode(r: &mut Reader<'_>) -> Result<Self, Malformed> {
                let mut read = Self::default();
                let $of = &mut read;
                $($number = r.uint()?;)+
                Ok(read)
            }
        }

        impl Sample for $type {
            fn sample(random: &mut Random) -> Self {
                let mut made = Self::default();
                let $of = &mut made;
                $($number = 1 + random.below(1 << 40);)+
                made
            }
        }
    };
}

/// Errors, which cross as their code and their text.
macro_rules! failures {
    ($($type:ident: |$error:ident| $code:expr, [$($sample:expr),+];)+) => {$(
        impl Failure for $type {
            fn code(&self) -> Option<&'static str> {
                let $error = *self;
                $code
            }

            fn text(&self) -> String {
                self.to_string()
            }
        }

        impl Shape for $type {
            fn shape() -> String {
                FAILURE.to_owned()
            }
        }

        impl Encode for $type {
            fn encode(&self, w: &mut Writer) {
                failure(w, self);
            }
        }

        impl Sample for $type {
            fn sample(random: &mut Random) -> Self {
                random.pick(&[$($sample),+])
            }
        }
    )+};
}

/// Fields for the schema.
macro_rules! fields {
    ($($field:ident: $kind:ty),*) => {{
        let fields: &[String] = &[$(
            format!("[\"{}\",{}]", camel(stringify!($field)), <$kind as Shape>::shape())
        ),*];
        format!("[{}]", fields.join(","))
    }};
}

/// A row for the schema.
macro_rules! row {
    ($number:literal, $name:ident, $what:expr) => {
        format!("[{},\"{}\",{}]", $number, camel(stringify!($name)), $what)
    };
}

/// Questions with their answers. `None` means that there is no answer, as from a failed node.
macro_rules! questions {
    (|$handle:ident, $argument:ident| $($(#[$doc:meta])* $number:literal $name:ident:
        $answer:ty = $find:expr;)+) => {
        /// The answer to a question about a node. Empty if the node has no answer.
        pub fn answer($handle: &Handle, question: u32, $argument: u32) -> Vec<u8> {
            let mut w = Writer::new();
            match question {
                $($number => {
                    let found: Option<$answer> = $find;
                    if let Some(answer) = found {
                        answer.encode(&mut w);
                    }
                })+
                _ => {}
            }
            w.finish()
        }

        /// The questions for the schema.
        pub(crate) fn shapes() -> Vec<String> {
            vec![$(row!($number, $name, <$answer as Shape>::shape())),+]
        }

        /// Any answer to a question.
        pub fn sample_answer(question: u32, random: &mut Random) -> Vec<u8> {
            let mut w = Writer::new();
            match question {
                $($number => <$answer as Sample>::sample(random).encode(&mut w),)+
                _ => {}
            }
            w.finish()
        }
    };
}
