/// Which host an address or a name belongs to. A host is a set of local addresses; its identity is the first of them.
#pragma once

#include "registry/address.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace epmd {

/// A host by its identity. Cheap to copy; says nothing of names.
class host {
  public:
    /// The machine.
    constexpr host() noexcept = default;
    explicit constexpr host(const address& first) noexcept : first_(first) {}

    /// The host of 127.0.0.1, ::1 and every address that is no other host's.
    [[nodiscard]] constexpr bool is_machine() const noexcept { return first_ == loopback_v4; }
    [[nodiscard]] constexpr const address& first_address() const noexcept { return first_; }

    constexpr auto operator<=>(const host&) const noexcept = default;

  private:
    address first_ = loopback_v4;
};

inline constexpr host the_machine{};

/// A host that the user named, by `--host` or in the configuration.
struct configured_host {
    std::string name;
    std::vector<address> addresses; ///< at least one, none of them 127.0.0.1, ::1 or a wildcard

    bool operator==(const configured_host&) const = default;
};

/// A name that the hosts file gives to an address.
struct named_address {
    std::string name;
    address where;

    bool operator==(const named_address&) const = default;
};

/// What the machine knows of itself, read again when it changes.
struct machine_identity {
    std::string hostname;        ///< as gethostname(2) says it; may have dots
    std::set<address> addresses; ///< to which the hostname resolves
    std::set<address> others;    ///< that the hosts file gives to other names, and not to the hostname; these count
                                 ///< before `addresses`
    std::vector<named_address> names{}; ///< of those of `others` that are in 127.0.0.0/8; for whoever is shown a host

    bool operator==(const machine_identity&) const = default;
};

/// All hosts at one moment: an immutable value, shared by the threads that place registrations.
class hosts {
  public:
    hosts() = default;
    /// `configured` must have been checked: no name and no address twice.
    hosts(std::vector<configured_host> configured, machine_identity machine);

    /// The host of a local address: the configured one; a host of its own for an address that the hosts file gives
    /// to another name, and for any other in 127.0.0.0/8 to which the hostname does not resolve; else the machine.
    /// 127.0.0.1 and ::1 are the machine's always. Does not allocate.
    [[nodiscard]] host at(const address& local) const noexcept;

    /// Whether a configured host has that address.
    [[nodiscard]] bool is_configured(const address& local) const { return by_address_.contains(local); }

    /// The host of that name without asking any resolver: the machine for its own hostname (whole, or its first
    /// label), a configured host for its name. Case does not matter.
    [[nodiscard]] std::optional<host> named(std::string_view name) const;

    /// The host whose name is meant by a name that nothing resolves: `lowry` and `lowry.example.org` are one, where
    /// only one of the two has a domain. Empty: none, or more than one.
    [[nodiscard]] std::optional<host> named_with_or_without_domain(std::string_view name) const;

    /// All configured addresses of a configured host, else its first address.
    [[nodiscard]] std::vector<address> addresses_of(host) const;

    /// The configured name, or the machine's hostname; empty for a host that has no name here.
    [[nodiscard]] std::string name_of(host) const;

    /// All names of a host that are known without asking any resolver: name_of, then those of the hosts file.
    [[nodiscard]] std::vector<std::string> names_of(host) const;

    /// The first of them, without making the others; empty: it has none.
    [[nodiscard]] std::string first_name_of(host) const;

    /// The host that has that name by the configuration, as the machine's hostname or by the hosts file.
    [[nodiscard]] std::optional<host> known_as(std::string_view name) const;

    [[nodiscard]] const std::vector<configured_host>& configured() const noexcept { return configured_; }
    [[nodiscard]] const machine_identity& machine() const noexcept { return machine_; }

    bool operator==(const hosts&) const = default;

  private:
    [[nodiscard]] const configured_host* configured_as(host) const noexcept;

    std::vector<configured_host> configured_;
    machine_identity machine_;
    std::map<address, host> by_address_; // configured addresses
    std::map<host, std::vector<std::string>> file_names_;
};

/// Host names compare without regard to case (RFC 4343); ASCII only.
bool is_same_name(std::string_view, std::string_view) noexcept;

/// What stands before the first dot.
std::string_view first_label(std::string_view name) noexcept;

} // namespace epmd

template <>
struct std::hash<epmd::host> {
    std::size_t operator()(const epmd::host& host) const noexcept {
        return std::hash<epmd::address>()(host.first_address());
    }
};
