//! What the photo shows: a tiled room with a wall that fades, a cupboard or two, and a gauge with its needle.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

type Rgb = [u8; 3];

/// A picture in the making, with coordinates from 0 to 1 in both directions.
struct Canvas {
    width: u16,
    height: u16,
    pixels: Vec<u8>,
}

impl Canvas {
    /// Colours every pixel for which `paint` gives a colour.
    fn paint(&mut self, paint: impl Fn(f32, f32) -> Option<Rgb>) {
        let (width, height) = (usize::from(self.width), usize::from(self.height));
        let (scale_x, scale_y) = (f32::from(self.width), f32::from(self.height));
        for (row, y) in self.pixels.chunks_exact_mut(width * 3).zip(0..self.height) {
            for (pixel, x) in row.chunks_exact_mut(3).zip(0..self.width) {
                if let Some(colour) = paint(f32::from(x) / scale_x, f32::from(y) / scale_y) {
                    pixel.copy_from_slice(&colour);
                }
            }
        }
        debug_assert_eq!(self.pixels.len(), width * height * 3);
    }
}

/// Draws the scene of `seed` as rows of red, green and blue.
pub(super) fn draw(seed: u64, width: u16, height: u16) -> Vec<u8> {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let mut part = move || f32::from((dice.next_u32() >> 16) as u16) / f32::from(u16::MAX);
    let mut between = move |low: f32, high: f32| low + (high - low) * part();
    let mut canvas = Canvas { width, height, pixels: vec![0; usize::from(width) * usize::from(height) * 3] };

    let (wall, floor) = (between(0.45, 0.95), between(0.3, 0.7));
    let (horizon, tiles) = (between(0.55, 0.75), between(6.0, 14.0));
    canvas.paint(|x, y| {
        let light = 1.0 - 0.35 * x - 0.2 * y;
        if y < horizon {
            return Some(shade([235, 240, 238], wall * light));
        }
        let depth = 0.25 + (y - horizon) / (1.0 - horizon);
        let (column, row) = (((x - 0.5) * tiles / depth).floor(), (tiles / depth).floor());
        let dark = (column + row).rem_euclid(2.0) < 1.0;
        Some(shade([200, 190, 170], floor * light * if dark { 0.8 } else { 1.1 }))
    });

    for _ in 0..3 {
        let (left, top) = (between(0.0, 0.8), between(horizon - 0.4, horizon - 0.1));
        let (right, bottom) = (left + between(0.08, 0.25), horizon + between(0.0, 0.15));
        let tint = [between(60.0, 220.0) as u8, between(60.0, 220.0) as u8, between(60.0, 220.0) as u8];
        canvas.paint(|x, y| {
            let inside = x > left && x < right && y > top && y < bottom;
            inside.then(|| shade(tint, 0.7 + 0.3 * (x - left) / (right - left)))
        });
    }

    let (centre_x, centre_y, radius) = (between(0.25, 0.75), between(0.2, 0.4), between(0.08, 0.14));
    let (needle_y, needle_x) = between(-2.6, -0.5).sin_cos();
    canvas.paint(|x, y| {
        let (dx, dy) = (x - centre_x, (y - centre_y) * f32::from(height) / f32::from(width));
        let away = dx.hypot(dy) / radius;
        let along = (dx * needle_x + dy * needle_y) / radius;
        let beside = (dx * needle_y - dy * needle_x).abs() / radius;
        match away {
            _ if away > 1.0 => None,
            _ if away > 0.9 => Some([40, 44, 50]),
            _ if beside < 0.06 && (0.0..0.8).contains(&along) => Some([190, 30, 30]),
            _ => Some([248, 248, 244]),
        }
    });
    canvas.pixels
}

fn shade(colour: Rgb, by: f32) -> Rgb {
    // A cast from float to integer saturates, which is what too much light does.
    colour.map(|part| (f32::from(part) * by) as u8)
}
