/// A directory of a test's own, removed with all that is in it when the test ends.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace epmd::test {

class temporary_directory {
  public:
    temporary_directory() {
        auto name = (std::filesystem::temp_directory_path() / "loopmd-test-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) {
            throw std::runtime_error("no temporary directory " + name);
        }
        path_ = name;
    }
    ~temporary_directory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

    /// Writes a file, and the directories above it; gives its whole path.
    std::filesystem::path write(const std::filesystem::path& name, std::string_view content) const {
        const auto whole = path_ / name;
        std::filesystem::create_directories(whole.parent_path());
        std::ofstream(whole, std::ios::binary) << content;
        return whole;
    }

  private:
    std::filesystem::path path_;
};

} // namespace epmd::test
