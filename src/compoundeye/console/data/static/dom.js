/* Making elements. Everything that came from a file or a person goes in as text or as an attribute, never as markup. */
const SVG = "http://www.w3.org/2000/svg";

export function h(name, attributes, ...children) {
  return filled(document.createElement(name), attributes, children);
}

export function s(name, attributes, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

/* onclick: function; style: { width: "3px" }; dataset: { id }; true sets an empty attribute; null and false none. */
function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, one] of Object.entries(value)) element.style.setProperty(key, one);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((one) => one !== null && one !== undefined && one !== false));
  return element;
}

export function data(id) {
  const element = document.getElementById(id);
  return element ? JSON.parse(element.textContent) : null;
}

export function later(handler, ms) {
  let waiting;
  return (...values) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => handler(...values), ms);
  };
}
