/* A picture among others, small: what it is, and how sure or how like. */
import { h, percent } from "./eye.js";

export function named(picture) {
  return picture.category ?? { abstained: "Abstained", failed: "Failed" }[picture.state] ?? "Not categorised";
}

export function sure(picture) {
  if (picture.label) return `by ${picture.label_by ?? "hand"}`;
  if (picture.category === null && picture.best) return `perhaps ${picture.best}`;
  return picture.confidence === null ? "" : percent(picture.confidence, 0);
}

export function smallTile(corpus, picture, how = sure(picture)) {
  const file = picture.source.slice(picture.source.lastIndexOf("/") + 1);
  return h("a", {
    class: `tile ${picture.label ? "" : picture.state}`, href: `/c/${encodeURIComponent(corpus)}/p/${picture.id}`, title: picture.source,
  },
  h("img", { src: picture.thumbnail, alt: file, loading: "lazy", decoding: "async" }),
  h("span", { class: "what" }, named(picture)),
  h("span", { class: "how" }, how));
}
