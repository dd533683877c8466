"use strict";
const form = document.querySelector("form");
const tiles = [...document.querySelectorAll("#pictures article")];
const words = new Map(tiles.map((tile) => [tile, tile.textContent.toLowerCase()]));

function choose() {
  const { state, category, text } = Object.fromEntries(new FormData(form));
  const wanted = text.trim().toLowerCase();
  let shown = 0;
  for (const tile of tiles) {
    const fits =
      (!state || tile.className === state) &&
      (!category || tile.dataset.category === category) &&
      words.get(tile).includes(wanted);
    tile.hidden = !fits;
    shown += fits;
  }
  form.querySelector("output").value = `${shown} shown`;
}

form.addEventListener("input", choose);
form.addEventListener("submit", (event) => event.preventDefault());
form.hidden = false;
choose();
