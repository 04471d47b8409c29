/// The hosts file, hosts(5): which names an address has.
#pragma once

#include "registry/address.hpp"

#include <filesystem>
#include <istream>
#include <map>
#include <string>
#include <vector>

namespace epmd {

class hosts_file {
  public:
    hosts_file() = default;

    /// Reads a file. A line that is not understood is passed over, as the C library does; a file that cannot be read
    /// is an empty one.
    static hosts_file read(const std::filesystem::path& = "/etc/hosts");
    static hosts_file parse(std::istream&);

    /// Each address with its names, in the order of the file.
    [[nodiscard]] const std::map<address, std::vector<std::string>>& names() const noexcept { return names_; }

    bool operator==(const hosts_file&) const = default;

  private:
    std::map<address, std::vector<std::string>> names_;
};

} // namespace epmd
