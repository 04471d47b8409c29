/// The file that ERL_INETRC or `-kernel inetrc` names: how a VM resolves names before, after or instead of the system.
#pragma once

#include "placement/hosts_file.hpp"
#include "registry/address.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace epmd::ctl::doctor {

/// The rules were seen on OTP 23, 25 and 27. A file with an error of syntax, or that is not UTF-8, does not count
/// at all; a term that is none of its own ends it, and those before it count.
struct inetrc {
    enum class method { file, native, dns };

    bool is_understood = true;                                       ///< no error of syntax, nor of UTF-8
    std::vector<std::pair<address, std::vector<std::string>>> hosts; ///< of an address that comes twice the last counts
    std::vector<method> lookup{method::native};                      ///< in their order; without `file` no host counts
    std::optional<std::string> hosts_path; ///< read in the place of /etc/hosts, by the method `file`

    /// The addresses of a name among its hosts, of one version of IP, in their order.
    [[nodiscard]] std::vector<address> addresses_of(std::string_view name, bool of_v6) const;
    [[nodiscard]] bool looks_in_files() const;
};

/// Total.
inetrc read_inetrc(std::string_view content);

} // namespace epmd::ctl::doctor
