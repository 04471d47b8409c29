// epmdctl: shows what a loopmd serves, and runs programs on its hosts.
#include "client/http.hpp"
#include "command_line.hpp"
#include "environment.hpp"
#include "output.hpp"
#include "verb.hpp"

#include <algorithm>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace epmd::ctl;

/// What is a secret stays in our memory only, and not in what ps(1) shows of us: the value of a flag that has one.
void wipe_secrets(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
        const std::string_view word(argv[i]);
        const auto name = word.substr(0, word.find('='));
        if (!is_secret_flag(name)) {
            continue;
        }
        if (name.size() < word.size()) {
            std::fill(argv[i] + name.size() + 1, argv[i] + word.size(), '*');
        } else if (i + 1 < argc) {
            ++i;
            std::fill_n(argv[i], std::string_view(argv[i]).size(), '*');
        }
    }
}

exit_status run(const std::vector<std::string>& arguments) {
    const auto asked = read_command_line(arguments, variable);
    if (asked.wants_version) {
        print("epmdctl " LOOPMD_VERSION "\n");
        return done;
    }
    if (asked.wants_help) {
        print(asked.what != nullptr ? help_text(*asked.what) : help_text());
        return done;
    }
    if (asked.what == nullptr) {
        throw usage_error("which verb? See epmdctl --help");
    }
    return asked.what->run(asked.how);
}

/// Of JSON that has not what we look for.
exit_status complain_of_answer(const std::exception& error) {
    remark("the answer of the daemon is not understood; is it of another version? (" + std::string(error.what()) + ")");
    return failed;
}

} // namespace

int main(int argc, char** argv) {
    try {
        const std::vector<std::string> arguments(argv + 1, argv + argc);
        wipe_secrets(argc, argv);
        return run(arguments);
    } catch (const usage_error& error) {
        remark(error.what());
        return misused;
    } catch (const epmd::no_epmd& error) {
        remark(error.what());
        return no_daemon;
    } catch (const std::out_of_range& error) { // a key that is not there
        return complain_of_answer(error);
    } catch (const std::invalid_argument& error) { // a value of another kind
        return complain_of_answer(error);
    } catch (const std::exception& error) {
        remark(error.what());
        return failed;
    }
}
