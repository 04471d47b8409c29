/// Erlang terms as text, as far as a VM's files and flags have them.
#pragma once

#include "registry/address.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace epmd::ctl::doctor {

struct term {
    enum class kind { atom, string, integer, tuple, list };

    kind is = kind::atom;
    std::string text;          ///< of an atom or a string
    std::int64_t number = 0;   ///< of an integer
    std::vector<term> items{}; ///< of a tuple or a list

    /// Whether it is a tuple whose first item is that atom and that has so many items in all.
    [[nodiscard]] bool is_tuple_of(std::string_view tag, std::size_t size) const;

    bool operator==(const term&) const = default;
};

/// What a file of terms has: each ends with a dot; `%` begins a comment.
struct terms {
    std::vector<term> good;  ///< up to the first that is not understood
    bool is_complete = true; ///< all of it was understood
};

/// Total. Binaries, floats, maps and the like are not understood, nor is what is nested deeper than 32.
terms read_terms(std::string_view text);

/// One term, with or without a dot behind it, as a flag has it.
std::optional<term> read_term(std::string_view text);

/// An address as inet(3) writes it: {127,0,0,2}, or a string of it.
std::optional<address> address_of(const term&);

} // namespace epmd::ctl::doctor
