//! One declaration gives a message its type and its binary form.

/// Declares a struct whose fields are written in order.
#[macro_export]
macro_rules! wire_struct {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$fmeta:meta])* pub $field:ident : $type:ty),* $(,)? }) => {
        $(#[$meta])*
        pub struct $name { $($(#[$fmeta])* pub $field: $type),* }

        impl $crate::Wire for $name {
            fn put(&self, _out: &mut Vec<u8>) {
                $($crate::Wire::put(&self.$field, _out);)*
            }
            fn take(_input: &mut $crate::Input<'_>) -> Result<Self, $crate::Malformed> {
                Ok(Self { $($field: $crate::Wire::take(_input)?),* })
            }
        }
    };
}

/// Declares an enum; each variant is written after its tag byte, which is part of the format.
#[macro_export]
macro_rules! wire_enum {
    ($(#[$meta:meta])* pub enum $name:ident {
        $($(#[$vmeta:meta])* $tag:literal => $variant:ident
            $({ $($(#[$fmeta:meta])* $field:ident : $type:ty),* $(,)? })?),* $(,)?
    }) => {
        $(#[$meta])*
        pub enum $name { $($(#[$vmeta])* $variant $({ $($(#[$fmeta])* $field: $type),* })?),* }

        impl $crate::Wire for $name {
            fn put(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$variant $({ $($field),* })? => {
                        out.push($tag);
                        $($($crate::Wire::put($field, out);)*)?
                    })*
                }
            }
            fn take(input: &mut $crate::Input<'_>) -> Result<Self, $crate::Malformed> {
                match <u8 as $crate::Wire>::take(input)? {
                    $($tag => Ok(Self::$variant $({ $($field: $crate::Wire::take(input)?),* })?),)*
                    other => Err($crate::Malformed::Tag(stringify!($name), other)),
                }
            }
        }

        impl $name {
            /// The variant's name, for phase tables and audit.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant $({ $($field: _),* })? => stringify!($variant)),* }
            }
        }
    };
}
