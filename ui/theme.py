"""Gradio theme: the few variables that Gradio's own components read. Everything else lives in styles/."""

from __future__ import annotations

import gradio as gr
from gradio.themes.utils import colors, fonts, sizes

_SHARED = {  # our CSS variables: styles/tokens.css switches their values between light and dark
    "body_background_fill": "var(--cs-page)",
    "body_text_color": "var(--cs-text)",
    "body_text_color_subdued": "var(--cs-text-3)",
    "background_fill_primary": "var(--cs-surface)",
    "background_fill_secondary": "var(--cs-inset)",
    "border_color_primary": "var(--cs-border)",
    "block_background_fill": "transparent",
    "block_border_width": "0px",
    "block_label_text_color": "var(--cs-text-2)",
    "block_title_text_color": "var(--cs-text-2)",
    "block_info_text_color": "var(--cs-text-3)",
    "panel_border_width": "0px",
    "input_background_fill": "var(--cs-surface)",
    "input_border_color": "var(--cs-field)",
    "input_border_color_focus": "var(--cs-accent)",
    "input_border_width": "1px",
    "input_placeholder_color": "var(--cs-text-3)",
    "input_shadow_focus": "0 0 0 3px var(--cs-ring)",
    "button_primary_background_fill": "var(--cs-solid)",
    "button_primary_background_fill_hover": "var(--cs-solid-hover)",
    "button_primary_border_color": "var(--cs-solid)",
    "button_primary_text_color": "#ffffff",
    "checkbox_label_background_fill": "transparent",
    "checkbox_label_background_fill_selected": "var(--cs-surface)",
    "checkbox_label_text_color": "var(--cs-text-2)",
    "checkbox_label_text_color_selected": "var(--cs-text)",
}
_SIZES = {
    "block_padding": "0px",
    "block_radius": "8px",
    "input_radius": "8px",
    "input_padding": "7px 10px",
    "input_text_size": "14px",
    "block_title_text_size": "12px",
    "block_title_text_weight": "400",
    "layout_gap": "12px",
    "form_gap_width": "0px",
    "button_large_radius": "8px",
    "button_large_text_size": "14px",
    "button_large_text_weight": "700",
    "button_transition": "none",  # else a switch of the theme passes through colours nobody chose
    "checkbox_label_padding": "5px 12px",
    "checkbox_label_text_size": "13px",
    "checkbox_label_gap": "0px",
}


def studio_theme() -> gr.themes.Base:
    theme = gr.themes.Base(
        primary_hue=colors.indigo,
        neutral_hue=colors.slate,
        text_size=sizes.text_md,
        spacing_size=sizes.spacing_md,
        radius_size=sizes.radius_md,
        # bundled with Gradio; of these only weights 400 and 700 hold the Latin alphabet
        font=(fonts.LocalFont("IBM Plex Sans", weights=(400, 700)), "system-ui", "sans-serif"),
        font_mono=(fonts.LocalFont("IBM Plex Mono", weights=(400, 700)), "ui-monospace", "monospace"),
    )
    dark = {f"{name}_dark": value for name, value in _SHARED.items() if hasattr(theme, f"{name}_dark")}
    return theme.set(color_accent="var(--cs-accent)", **_SHARED, **dark, **_SIZES)
