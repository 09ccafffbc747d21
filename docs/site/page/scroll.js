// What scrolls sideways can be reached by Tab, and then scrolled by the arrow keys: long lines of code, wide tables.
const reachable = () => document.querySelectorAll(".content :is(pre, .table-wrapper, .output)").forEach((part) => {
  const scrolls = part.scrollWidth > part.clientWidth && getComputedStyle(part).overflowX !== "visible";
  if (scrolls) part.tabIndex = 0;
  else part.removeAttribute("tabindex");
});
addEventListener("load", reachable);
addEventListener("resize", reachable);
