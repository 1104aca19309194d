// The page without its data, taken into the executable as it is.
#include <string_view>

#include "report/html.h"

// Not a header of hexadecimal numbers: the assembler reads the file itself. CMakeLists.txt knows of the dependency.
asm(".pushsection .rodata\n"
    ".global mlt_html_page\n"
    ".global mlt_html_page_end\n"
    "mlt_html_page:\n"
    ".incbin \"" MLT_HTML_PAGE
    "\"\n"
    "mlt_html_page_end:\n"
    ".byte 0\n"
    ".popsection\n");

extern "C" {
extern const char mlt_html_page[];
extern const char mlt_html_page_end[];
}

namespace mlt {

HtmlFrame html_frame() {
  static constexpr std::string_view kData = "@DATA@";
  const std::string_view page(mlt_html_page, static_cast<std::size_t>(mlt_html_page_end - mlt_html_page));
  const std::size_t at = page.find(kData);
  return {page.substr(0, at), page.substr(at + kData.size())};
}

}  // namespace mlt
