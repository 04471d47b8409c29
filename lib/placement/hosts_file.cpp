#include "placement/hosts_file.hpp"

#include <fstream>
#include <sstream>

namespace epmd {

hosts_file hosts_file::read(const std::filesystem::path& path) {
    std::ifstream file(path);
    return parse(file);
}

hosts_file hosts_file::parse(std::istream& lines) {
    hosts_file result;
    std::string line;
    while (std::getline(lines, line)) {
        std::istringstream words(line.substr(0, line.find('#')));
        std::string word;
        words >> word;
        const auto where = address::parse(word);
        while (where && words >> word) {
            result.names_[*where].push_back(word);
        }
    }
    return result;
}

} // namespace epmd
